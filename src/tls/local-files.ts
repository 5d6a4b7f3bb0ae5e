/**
 * The files of the local authority and of the certificates it signed, and whether they are still good.
 *
 *   local-ca.key   key and certificate of the authority (0600)      local-ca.crt   its certificate (0644)
 *   <name>.key     key and certificate for the names (0600)         <name>.crt     the certificate (0644)
 *
 * The `.key` file alone is the truth: with key and certificate in one file, one atomic step publishes a pair
 * that matches, whoever else writes at that moment. The `.crt` beside it is a copy for people and programs
 * that want only the public part. Files that Sluice did not make are never written over.
 */
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { SluiceError } from '../kernel/errors.ts';
import { certifiableNames } from './local-names.ts';
import { certificateNames, pemBlocks } from './pem.ts';
import { readTextFile } from './pem-file.ts';
import { PUBLIC_FILE_MODE, replaceFile } from './private-file.ts';

export const AUTHORITY_NAME = 'local-ca';
/** In the issuer of everything we sign; `forge-certificates.ts` writes it. */
const OUR_ISSUER = 'O=Sluice local authority';

const DAY_MS = 86_400_000;
const LEAF_RENEW_MS = 30 * DAY_MS;
/** An authority that would not outlive the certificates that it signs from now on is replaced. */
const AUTHORITY_RENEW_MS = 430 * DAY_MS;

/** One certificate to be had. */
export interface LocalCertificate {
  /** Also the name of its files. */
  readonly name: string;
  readonly names: readonly string[];
}

export interface LocalRequest {
  readonly directory: string;
  /** Where the authority lives; usually the same folder. */
  readonly authorityDirectory: string;
  readonly certificates: readonly LocalCertificate[];
  /** Now. */
  readonly wallMs: number;
}

export interface LocalPair {
  readonly certPem: string;
  readonly keyPem: string;
  readonly cert: X509Certificate;
}

export function keyFileOf(directory: string, name: string): string {
  return join(directory, `${name}.key`);
}

export function certFileOf(directory: string, name: string): string {
  return join(directory, `${name}.crt`);
}

/** @throws SluiceError when a name cannot be a file's name or cannot stand in a certificate. */
export function checkRequest(request: LocalRequest): LocalRequest {
  const certificates = request.certificates.map(({ name, names }) => {
    if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name) && name !== AUTHORITY_NAME) {
      return { name, names: certifiableNames(names) };
    }
    throw new SluiceError('tls_self_signed_name', `"${name}" cannot name a self-signed certificate`, {
      hint: `It becomes a file name: letters, digits, dot, dash, underscore; not "${AUTHORITY_NAME}".`,
    });
  });
  return { ...request, certificates };
}

/**
 * The pair in a `.key` file, undefined when there is no such file.
 * @throws SluiceError when the file holds anything that we did not make.
 */
export async function readLocalPair(directory: string, name: string): Promise<LocalPair | undefined> {
  const path = keyFileOf(directory, name);
  const pem = await readIfThere(path);
  if (pem === undefined) return undefined;
  const blocks = pemBlocks(pem);
  const certPem = blocks.find((block) => block.label === 'CERTIFICATE')?.text;
  const keyPem = blocks.find((block) => block.label === 'PRIVATE KEY')?.text;
  const cert = certPem === undefined ? undefined : parseOrUndefined(certPem);
  if (certPem !== undefined && keyPem !== undefined && cert?.issuer.includes(OUR_ISSUER)) {
    return { certPem, keyPem, cert };
  }
  throw notOurs(path);
}

/** Writes the public copy unless it is there and the same. */
export async function publishCopy(directory: string, name: string, pair: LocalPair): Promise<void> {
  const path = certFileOf(directory, name);
  const before = await readIfThere(path);
  if (before === pair.certPem) return;
  if (before !== undefined && !parseOrUndefined(before)?.issuer.includes(OUR_ISSUER)) throw notOurs(path);
  await replaceFile(path, pair.certPem, PUBLIC_FILE_MODE);
}

export function isUsableAuthority(authority: LocalPair, wallMs: number): boolean {
  const { cert } = authority;
  return cert.ca && isInTime(cert, wallMs, AUTHORITY_RENEW_MS);
}

/** Still valid for a month, for exactly these names, and signed by this authority. */
export function isUsableLeaf(
  leaf: LocalPair,
  authority: LocalPair,
  names: readonly string[],
  wallMs: number,
): boolean {
  const has = certificateNames(leaf.cert);
  return (
    isInTime(leaf.cert, wallMs, LEAF_RENEW_MS) &&
    has.length === names.length &&
    names.every((name) => has.includes(name)) &&
    leaf.cert.checkIssued(authority.cert) &&
    leaf.cert.verify(authority.cert.publicKey)
  );
}

/** True when all that is asked for is there and good, copies included (they are put right in passing). */
export async function isAllThere(request: LocalRequest): Promise<boolean> {
  const authority = await readLocalPair(request.authorityDirectory, AUTHORITY_NAME);
  if (authority === undefined || !isUsableAuthority(authority, request.wallMs)) return false;
  for (const { name, names } of request.certificates) {
    const leaf = await readLocalPair(request.directory, name);
    if (leaf === undefined || !isUsableLeaf(leaf, authority, names, request.wallMs)) return false;
    await publishCopy(request.directory, name, leaf);
  }
  await publishCopy(request.authorityDirectory, AUTHORITY_NAME, authority);
  return true;
}

function isInTime(cert: X509Certificate, wallMs: number, leftMs: number): boolean {
  return cert.validFromDate.getTime() <= wallMs && cert.validToDate.getTime() - leftMs > wallMs;
}

function parseOrUndefined(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readTextFile(path);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw error;
  }
}

function notOurs(path: string): SluiceError {
  return new SluiceError(
    'tls_not_ours',
    `${path} is in the way: Sluice did not make it and will not replace it`,
    {
      hint: 'Move it elsewhere, or give the self-signed certificate another name.',
    },
  );
}
