/**
 * Makes development certificates with node-forge. Only the worker imports this file: forge is large and signs
 * in plain JavaScript. The keys come from OpenSSL (`node:crypto`) instead of forge's own search for primes; they
 * are RSA because forge cannot sign with elliptic curves. Nothing is verified with forge.
 */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';
import type { PermittedNames } from './local-names.ts';
import { normalizeName } from './server-name.ts';

const RSA_BITS = 2048;
const DAY_MS = 86_400_000;
/** Browsers refuse server certificates that are valid for more than 398 days. */
const LEAF_DAYS = 397;
const AUTHORITY_DAYS = 3650;
/** Clocks of other machines and containers may be behind. */
const BACKDATE_MS = DAY_MS;

/** In subject or issuer: the mark by which files of ours are known. */
export const AUTHORITY_ORGANIZATION = 'Sluice local authority';

/** These two are missing from forge's type declarations. Bytes are binary strings, as all over forge. */
const { bytesFromIP, bytesToIP } = forge.util as unknown as {
  bytesFromIP(ip: string): string | null;
  bytesToIP(bytes: string): string | null;
};

const OID_NAME_CONSTRAINTS = '2.5.29.30';
const { Class, Type } = forge.asn1;
/** GeneralName choices (RFC 5280 section 4.2.1.6). */
const DNS_NAME = 2;
const IP_ADDRESS = 7;

export interface PemPair {
  readonly certPem: string;
  readonly keyPem: string;
}

/** A self-signed authority that may sign only what is permitted, valid for ten years. */
export function makeAuthority(permitted: PermittedNames, wallMs: number): PemPair {
  const keys = makeKeys();
  const tag = createHash('sha256').update(keys.publicPem).digest('hex').slice(0, 8);
  const cert = blankCertificate(keys.publicPem, wallMs, wallMs + AUTHORITY_DAYS * DAY_MS);
  const subject = [
    { name: 'organizationName', value: AUTHORITY_ORGANIZATION },
    { name: 'commonName', value: `${AUTHORITY_ORGANIZATION} ${tag}` },
  ];
  cert.setSubject(subject);
  cert.setIssuer(subject);
  cert.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
    { id: OID_NAME_CONSTRAINTS, critical: true, value: encodePermitted(permitted) },
  ]);
  return sign(cert, keys.privatePem, keys.privatePem);
}

/** A server certificate for the names; never outlives its authority. */
export function makeLeaf(authority: PemPair, names: readonly string[], wallMs: number): PemPair {
  const issuer = forge.pki.certificateFromPem(authority.certPem);
  const keys = makeKeys();
  const notAfterMs = Math.min(wallMs + LEAF_DAYS * DAY_MS - BACKDATE_MS, issuer.validity.notAfter.getTime());
  const cert = blankCertificate(keys.publicPem, wallMs, notAfterMs);
  cert.setSubject([
    { name: 'organizationName', value: 'Sluice local certificate' },
    // With a space in it, so that nobody holds the common name for a host name; the names are below.
    { name: 'commonName', value: `Sluice ${names[0] ?? ''}`.slice(0, 64) },
  ]);
  cert.setIssuer(issuer.subject.attributes);
  cert.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: names.map(toAltName) },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: issuer.generateSubjectKeyIdentifier().getBytes() },
  ]);
  return sign(cert, authority.keyPem, keys.privatePem);
}

/** What an authority made by `makeAuthority` may sign. */
export function permittedOf(certPem: string): PermittedNames {
  const extensions: readonly { id: string; value: string }[] =
    forge.pki.certificateFromPem(certPem).extensions;
  const value = extensions.find((extension) => extension.id === OID_NAME_CONSTRAINTS)?.value;
  const dns: string[] = [];
  const networks: string[] = [];
  if (value === undefined) return { dns, networks };
  for (const subtree of children(children(forge.asn1.fromDer(value))[0])) {
    const base = children(subtree)[0];
    if (typeof base?.value !== 'string') continue;
    if (Number(base.type) === DNS_NAME) dns.push(base.value);
    else if (Number(base.type) === IP_ADDRESS) networks.push(decodeNetwork(base.value));
  }
  return { dns, networks };
}

function makeKeys(): { publicPem: string; privatePem: string } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { publicPem: publicKey, privatePem: privateKey };
}

function blankCertificate(publicPem: string, wallMs: number, notAfterMs: number): forge.pki.Certificate {
  const cert = forge.pki.createCertificate();
  cert.publicKey = forge.pki.publicKeyFromPem(publicPem);
  // RFC 5280 section 4.1.2.2: positive, at most 20 bytes. A first byte of 0x01–0x7f is both and is minimal DER.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x01;
  cert.serialNumber = serial.toString('hex');
  cert.validity.notBefore = new Date(wallMs - BACKDATE_MS);
  cert.validity.notAfter = new Date(notAfterMs);
  return cert;
}

function sign(cert: forge.pki.Certificate, issuerKeyPem: string, keyPem: string): PemPair {
  cert.sign(forge.pki.privateKeyFromPem(issuerKeyPem), forge.md.sha256.create());
  return { certPem: forge.pki.certificateToPem(cert).replaceAll('\r\n', '\n'), keyPem };
}

function toAltName(name: string): { type: number; ip: string } | { type: number; value: string } {
  return isIP(name) !== 0 ? { type: IP_ADDRESS, ip: name } : { type: DNS_NAME, value: name };
}

/** NameConstraints with permittedSubtrees only (RFC 5280 section 4.2.1.10). */
function encodePermitted(permitted: PermittedNames): forge.asn1.Asn1 {
  const subtree = (type: number, bytes: string): forge.asn1.Asn1 =>
    forge.asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [
      forge.asn1.create(Class.CONTEXT_SPECIFIC, type as forge.asn1.Type, false, bytes),
    ]);
  const subtrees = [
    ...permitted.dns.map((name) => subtree(DNS_NAME, name)),
    ...permitted.networks.map((network) => subtree(IP_ADDRESS, encodeNetwork(network))),
  ];
  return forge.asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [
    forge.asn1.create(Class.CONTEXT_SPECIFIC, 0 as forge.asn1.Type, true, subtrees),
  ]);
}

/** The address and its mask, in network order: 8 bytes for IPv4, 32 for IPv6. */
function encodeNetwork(network: string): string {
  const [address = '', bits = ''] = network.split('/');
  const bytes = bytesFromIP(address);
  if (bytes === null) throw new Error(`${network} is no network`);
  const mask = Buffer.alloc(bytes.length);
  for (let bit = 0; bit < Number(bits); bit++) {
    mask[bit >> 3] = (mask[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  }
  return bytes + mask.toString('latin1');
}

function decodeNetwork(bytes: string): string {
  const half = bytes.length / 2;
  const address = normalizeName(bytesToIP(bytes.slice(0, half)) ?? '');
  const mask = Buffer.from(bytes.slice(half), 'latin1');
  const bits = mask.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
  return `${address}/${bits}`;
}

function children(node: forge.asn1.Asn1 | undefined): readonly forge.asn1.Asn1[] {
  return Array.isArray(node?.value) ? node.value : [];
}
