/**
 * IP addresses as integers, parsed once (when a connection is accepted, or when a trusted proxy names the
 * client) and then asked many times: by the IP filters, the limiter, `ip_hash`.
 * An IPv4-mapped IPv6 address (`::ffff:1.2.3.4`, what a dual-stack socket reports) is that IPv4 address
 * everywhere, so that it meets IPv4 rules and has a bucket of its own (CVE-2026-30827). Zones are dropped.
 */

/** Four 32-bit words (as signed integers), the highest first; IPv4 has its one in `w0`. */
export interface Address {
  readonly family: 4 | 6;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

const DOT = 0x2e;
const COLON = 0x3a;

/** Strict: no leading zeros in IPv4 (octal for some), no IPv4 short forms, no brackets, no port. */
export function parseAddress(text: string): Address | undefined {
  const percent = text.indexOf('%');
  const end = percent < 0 ? text.length : percent;
  if (text.includes(':')) return parseV6(text, end);
  if (percent >= 0) return undefined;
  const value = parseV4(text, 0, end);
  return value < 0 ? undefined : { family: 4, w0: value | 0, w1: 0, w2: 0, w3: 0 };
}

/** The address as an unsigned number, or -1. */
function parseV4(text: string, from: number, end: number): number {
  let value = 0;
  let parts = 0;
  let octet = 0;
  let digits = 0;
  for (let i = from; i <= end; i++) {
    const code = i === end ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || octet > 255) return -1;
      value = value * 256 + octet;
      parts++;
      octet = 0;
      digits = 0;
    } else if (code >= 0x30 && code <= 0x39) {
      if (digits > 0 && octet === 0) return -1;
      if (++digits > 3) return -1;
      octet = octet * 10 + (code - 0x30);
    } else {
      return -1;
    }
  }
  return parts === 4 ? value : -1;
}

/** RFC 4291 §2.2: eight groups, one `::`, the last two groups perhaps as IPv4. */
function parseV6(text: string, end: number): Address | undefined {
  const groups = [0, 0, 0, 0, 0, 0, 0, 0];
  let count = 0;
  let gap = -1;
  let at = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return undefined;
    gap = 0;
    at = 2;
  }
  while (at < end) {
    if (count === 8) return undefined;
    const groupEnd = endOfGroup(text, at, end);
    if (groupEnd < end && text.charCodeAt(groupEnd) === DOT) {
      const tail = parseV4(text, at, end);
      if (tail < 0 || count > 6) return undefined;
      groups[count++] = Math.floor(tail / 65536);
      groups[count++] = tail % 65536;
      break;
    }
    if (groupEnd === at || groupEnd - at > 4) return undefined;
    groups[count++] = Number.parseInt(text.slice(at, groupEnd), 16);
    at = groupEnd;
    if (at === end) break;
    if (text.charCodeAt(at) !== COLON) return undefined;
    at++;
    if (at === end) return undefined;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return undefined;
      gap = count;
      at++;
    }
  }
  if (gap < 0 ? count !== 8 : count > 7) return undefined;
  if (gap >= 0) {
    groups.copyWithin(gap + 8 - count, gap, count);
    groups.fill(0, gap, gap + 8 - count);
  }
  return fromGroups(groups);
}

function endOfGroup(text: string, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const code = text.charCodeAt(at) | 0x20;
    if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66)) || text.charCodeAt(at) < 0x30)
      break;
    at++;
  }
  return at;
}

function fromGroups(groups: readonly number[]): Address {
  const word = (i: number): number => ((groups[i] ?? 0) << 16) | (groups[i + 1] ?? 0);
  const w3 = word(6);
  if (word(0) === 0 && word(2) === 0 && word(4) === 0xffff) return { family: 4, w0: w3, w1: 0, w2: 0, w3: 0 };
  return { family: 6, w0: word(0), w1: word(2), w2: word(4), w3 };
}

/** Whom a limit counts: 64 bits in two signed integers. */
export interface ClientKey {
  readonly hi: number;
  readonly lo: number;
}

/** A key that is filled in for each request. */
export interface TextKey {
  hi: number;
  lo: number;
}

/** All peers without an IP address (Unix sockets) are one client. */
const NO_ADDRESS: ClientKey = Object.freeze({ hi: 0x0000fffe, lo: 0 });

/**
 * The client behind an address: the IPv4 address, or the /64 of an IPv6 address, since one subscriber has at
 * least that many (RFC 6177) and could otherwise change address with each request. IPv4 takes the unassigned
 * range 0:ffff::/32, so the two never meet.
 */
export function clientKeyOf(address: Address | undefined): ClientKey {
  if (address === undefined) return NO_ADDRESS;
  return address.family === 4 ? { hi: 0x0000ffff, lo: address.w0 } : { hi: address.w0, lo: address.w1 };
}

/**
 * 32 well-mixed bits of a client, unsigned, for `ip_hash`. The same in every process and on every node unless
 * a seed is given, so that a client keeps its server after a restart; not for tables that strangers fill.
 * The mixer is fmix32 of MurmurHash3 (https://github.com/aappleby/smhasher).
 */
export function clientHash32(key: ClientKey, seed = 0): number {
  return mix32(mix32(seed ^ key.hi) ^ key.lo) >>> 0;
}

function mix32(value: number): number {
  let h = Math.imul(value + 0x9e3779b9, 0x85ebca6b);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
