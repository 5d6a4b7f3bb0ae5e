/**
 * PEM text and what a certificate says. Pure: no files, no clock. All checks that can be made on a pair of
 * certificate and key are made here, on the main thread, so that a data thread only meets pairs that work.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { errorText, SluiceError } from '../kernel/errors.ts';
import { normalizeName } from './server-name.ts';
import type { CertificateMaterial } from './types.ts';

export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY` … */
  readonly label: string;
  /** The block with its first and last line. */
  readonly text: string;
}

/** The complete blocks of a PEM file (RFC 7468), in order; text around and between them is skipped. */
export function pemBlocks(pem: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const match of pem.matchAll(/-----BEGIN ([A-Z0-9 ]{1,64})-----[\s\S]*?-----END \1-----/g)) {
    blocks.push({ label: match[1] ?? '', text: `${match[0]}\n` });
  }
  return blocks;
}

/** True when a block begins and does not end: the file is being written, or was cut. */
export function isCutPem(pem: string): boolean {
  return pem.split('-----BEGIN ').length - 1 !== pemBlocks(pem).length;
}

/** The names that a certificate is good for: subjectAltName and common name, in that order, without doubles. */
export function certificateNames(leaf: X509Certificate): string[] {
  const names = new Set<string>();
  for (const entry of splitAltNames(leaf.subjectAltName ?? '')) {
    const match = /^(?:DNS|IP Address):([a-zA-Z0-9*._:-]+)$/.exec(entry);
    if (match?.[1] !== undefined) names.add(normalizeName(match[1]));
  }
  const subject: unknown = leaf.toLegacyObject().subject;
  const commonName =
    typeof subject === 'object' && subject !== null && 'CN' in subject ? subject.CN : undefined;
  for (const name of Array.isArray(commonName) ? commonName : [commonName]) {
    if (typeof name === 'string' && /^[a-zA-Z0-9*._:-]+$/.test(name)) names.add(normalizeName(name));
  }
  return [...names];
}

/**
 * Node prints the names as `DNS:a, IP Address:1.2.3.4` and puts a name with odd characters in JSON quotes
 * (CVE-2021-44532), so a comma inside of quotes parts nothing.
 */
function splitAltNames(text: string): string[] {
  return text.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g)?.map((entry) => entry.trim()) ?? [];
}

/** The texts of a pair and where they came from. */
export interface PairText {
  readonly certPem: string;
  readonly keyPem: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * Checks that the pair is complete, belongs together and is accepted by OpenSSL. Does not look at dates.
 * @throws SluiceError that names the file and what to do.
 */
export function readPair(name: string, pair: PairText): CertificateMaterial {
  for (const [file, text] of [
    [pair.certFile, pair.certPem],
    [pair.keyFile, pair.keyPem],
  ] as const) {
    if (!isCutPem(text)) continue;
    throw new SluiceError('tls_file_cut', `${file} ends in the middle of a PEM block`, {
      hint: 'It is being written or was cut off. Write a new file beside it and rename it into place.',
    });
  }
  const chain = pemBlocks(pair.certPem).filter((block) => block.label.endsWith('CERTIFICATE'));
  const leaves = chain.map((block, index) => parseCertificate(block, index, pair.certFile));
  const leaf = leaves[0];
  if (leaf === undefined) {
    throw new SluiceError('tls_certificate', `${pair.certFile}: there is no complete certificate in it`, {
      hint: 'A PEM file with -----BEGIN CERTIFICATE----- is needed: the server certificate, then the intermediates.',
    });
  }
  const key = parseKey(pair);
  if (!leaf.checkPrivateKey(key.object)) throw mismatch(pair, leaves, key.object);
  const material: CertificateMaterial = {
    name,
    names: certificateNames(leaf),
    certPem: chain.map((block) => block.text).join(''),
    keyPem: key.text,
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
    fingerprint: leaf.fingerprint256,
  };
  try {
    createSecureContext({ cert: material.certPem, key: material.keyPem });
  } catch (error) {
    throw new SluiceError('tls_certificate', `${pair.certFile}: OpenSSL refuses it: ${errorText(error)}`, {
      cause: error,
      hint: 'Often a key that is too short or a signature with SHA-1; have the certificate issued anew.',
    });
  }
  return material;
}

function parseCertificate(block: PemBlock, index: number, file: string): X509Certificate {
  try {
    return new X509Certificate(block.text);
  } catch (error) {
    throw new SluiceError(
      'tls_certificate',
      `${file}: certificate ${index + 1} is damaged: ${errorText(error)}`,
      { cause: error, hint: 'Fetch the file again; it must be complete.' },
    );
  }
}

function parseKey(pair: PairText): { object: KeyObject; text: string } {
  const block = pemBlocks(pair.keyPem).find((candidate) => candidate.label.endsWith('PRIVATE KEY'));
  if (block === undefined) {
    throw new SluiceError('tls_key', `${pair.keyFile}: there is no complete private key in it`, {
      hint: 'A PEM file with -----BEGIN PRIVATE KEY----- is needed.',
    });
  }
  if (block.label === 'ENCRYPTED PRIVATE KEY' || block.text.includes('Proc-Type: 4,ENCRYPTED')) {
    throw new SluiceError('tls_key', `${pair.keyFile}: the key is encrypted`, {
      hint: 'A daemon has nobody to type a passphrase. Decrypt it: openssl pkey -in old.key -out new.key',
    });
  }
  try {
    return { object: createPrivateKey(block.text), text: block.text };
  } catch (error) {
    // Without the cause: a parser's message about a key could quote it.
    throw new SluiceError('tls_key', `${pair.keyFile}: the private key is damaged (${codeOf(error)})`, {
      hint: 'Fetch the file again; it must be complete.',
    });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'not readable';
}

function mismatch(pair: PairText, chain: readonly X509Certificate[], key: KeyObject): SluiceError {
  const place = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  return new SluiceError(
    'tls_key_mismatch',
    `${pair.keyFile} is not the key of the first certificate in ${pair.certFile}`,
    {
      hint:
        place > 0
          ? `It is the key of certificate ${place + 1} in that file: put that one first.`
          : 'Compare: openssl x509 -noout -pubkey -in CERT and openssl pkey -pubout -in KEY must print the same.',
    },
  );
}
