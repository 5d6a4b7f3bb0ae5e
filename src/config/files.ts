/**
 * The files that a configuration names: whether they can be read, whether certificate and key belong together and are
 * still good, what the secrets hold. The only part of the loader that reads beyond the configuration itself.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { errorText } from '../kernel/errors.ts';
import { checkAccessFiles } from './check-access.ts';
import { checkPageFiles } from './check-pages.ts';
import { checkSharedFiles } from './check-shared.ts';
import type { Problem } from './diagnostic.ts';
import { error, type FileAccess, readFile, secretAt, shortSecret, warning } from './file-access.ts';
import type { At, Loose, LooseCertificate } from './loose.ts';
import { quote } from './units.ts';

export function checkFiles(loose: Loose, access: FileAccess): Problem[] {
  return [
    ...loose.certificates.flatMap((certificate) => checkCertificate(certificate, access)),
    ...loose.pools.flatMap((pool) => (pool.ca ? checkAuthorities(pool.ca, access) : [])),
    ...loose.tokens.flatMap((token) => checkToken(token, access)),
    ...checkPageFiles(loose, access),
    ...checkAccessFiles(loose, access),
    ...checkSharedFiles(loose, access),
  ];
}

function checkCertificate(spec: LooseCertificate, access: FileAccess): Problem[] {
  const problems: Problem[] = [];
  const cert = spec.cert && readFile(spec.cert, 'the certificate', access);
  const key = spec.key && readFile(spec.key, 'the private key', access);
  if (cert && 'problem' in cert) problems.push(cert.problem);
  if (key && 'problem' in key) problems.push(key.problem);
  const leaf =
    spec.cert && cert && 'text' in cert ? parseCertificate(spec.cert, cert.text, problems) : undefined;
  const secret = spec.key && key && 'text' in key ? parseKey(spec.key, key.text, problems) : undefined;
  if (!spec.cert || !leaf) return problems;
  problems.push(...validity(spec.cert, leaf, access.wallMs));
  if (spec.key && secret && !leaf.checkPrivateKey(secret))
    problems.push(
      error(spec.key, `this private key does not belong to the certificate ${quote(spec.cert.text)}.`),
    );
  return problems;
}

function parseCertificate(at: At, pem: string, problems: Problem[]): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    const isKey = pem.includes('PRIVATE KEY-----');
    problems.push(
      error(
        at,
        isKey
          ? `${quote(at.text)} holds a private key, not a certificate. Are cert and key swapped?`
          : `${quote(at.text)} holds no certificate in PEM form.`,
      ),
    );
    return undefined;
  }
}

function parseKey(at: At, pem: string, problems: Problem[]): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch (thrown) {
    const isEncrypted = /ENCRYPTED/.test(pem);
    const isCertificate = pem.includes('BEGIN CERTIFICATE');
    let what = `${quote(at.text)} holds no private key in PEM form (${errorText(thrown)}).`;
    if (isEncrypted)
      what = `${quote(at.text)} is encrypted. Decrypt it: openssl pkey -in ${at.text} -out plain.key`;
    else if (isCertificate)
      what = `${quote(at.text)} holds a certificate, not a private key. Are cert and key swapped?`;
    problems.push(error(at, what));
    return undefined;
  }
}

function validity(at: At, leaf: X509Certificate, wallMs: number): Problem[] {
  const until = Date.parse(leaf.validTo);
  const from = Date.parse(leaf.validFrom);
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  if (until < wallMs)
    return [warning(at, `${quote(at.text)} expired on ${day(until)}: clients will refuse it.`)];
  if (from > wallMs)
    return [warning(at, `${quote(at.text)} is valid only from ${day(from)}: clients will refuse it.`)];
  return [];
}

function checkAuthorities(at: At, access: FileAccess): Problem[] {
  const file = readFile(at, 'the file of authorities', access);
  if ('problem' in file) return [file.problem];
  const problems: Problem[] = [];
  parseCertificate(at, file.text, problems);
  return problems;
}

function checkToken(token: Loose['tokens'][number], access: FileAccess): Problem[] {
  const found = secretAt(token, access);
  if (found === undefined) return [];
  return 'problem' in found ? [found.problem] : shortSecret(found, 'the token');
}
