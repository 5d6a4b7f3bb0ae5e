/**
 * Passwords as scrypt hashes (RFC 7914), written as PHC strings (github.com/P-H-C/phc-string-format):
 *
 *   $scrypt$ln=15,r=8,p=3$SALT$HASH      base64 without padding; N = 2^ln, memory = 128 * N * r bytes
 *
 * scrypt is what Node has built in; it runs on its helper threads, never on the one that asks. The bounds keep a hash
 * that somebody slips into a file from taking all memory.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';

export interface PasswordHash {
  /** Binary logarithm of the cost N. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

export type PasswordCost = Pick<PasswordHash, 'ln' | 'r' | 'p'>;

/** 32 MiB and about 0.2 s: what OWASP's cheat sheet on storing passwords names as equal to N = 2^17, p = 1, in less memory. */
export const PASSWORD_COST: PasswordCost = { ln: 15, r: 8, p: 3 };

const HASH_BYTES = 32;
const MAX_MEMORY_BYTES = 128 * 1024 * 1024;
const SHAPE =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** @returns undefined when the text is no such hash, or one that would cost too much */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const found = SHAPE.exec(text);
  if (!found) return undefined;
  const [ln, r, p] = [Number(found[1]), Number(found[2]), Number(found[3])];
  if (ln < 8 || r < 1 || p < 1 || p > 16 || memoryBytes(ln, r) > MAX_MEMORY_BYTES) return undefined;
  return {
    ln,
    r,
    p,
    salt: Buffer.from(found[4] as string, 'base64'),
    hash: Buffer.from(found[5] as string, 'base64'),
  };
}

/** @param salt 16 bytes of chance */
export async function hashPassword(
  password: string,
  salt: Uint8Array,
  cost: PasswordCost = PASSWORD_COST,
): Promise<string> {
  const hash = await derive(Buffer.from(password.normalize('NFC')), salt, HASH_BYTES, cost);
  const { ln, r, p } = cost;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;
}

/** @param password its bytes in UTF-8 */
export async function isPassword(password: Uint8Array, expected: PasswordHash): Promise<boolean> {
  const found = await derive(password, expected.salt, expected.hash.length, expected);
  return timingSafeEqual(found, expected.hash);
}

function derive(
  password: Uint8Array,
  salt: Uint8Array,
  lengthBytes: number,
  { ln, r, p }: PasswordCost,
): Promise<Buffer> {
  // A little more than is needed: OpenSSL counts its own bookkeeping too.
  const maxmem = memoryBytes(ln, r) + 128 * r * p + 1024 * 1024;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, lengthBytes, { N: 2 ** ln, r, p, maxmem }, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function memoryBytes(ln: number, r: number): number {
  return 128 * 2 ** ln * r;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
