/**
 * Sets of addresses: `trusted_proxies`, `ip_allow`, `ip_deny`. Blocks of one family are either nested or apart,
 * so after dropping the nested ones a set is a sorted list and a question is one binary search.
 * IPv4 and IPv6 are apart: `::/0` says nothing about IPv4 clients, also when they come over a dual-stack socket.
 * Rejected: node:net BlockList (crosses into C++ and makes an object per question, and reads
 * `::ffff:10.0.0.0/8` as all of IPv4).
 */
import { SluiceError } from '../kernel/errors.ts';
import { type Address, parseAddress } from './address.ts';

export interface Cidr {
  readonly base: Address;
  /** Leading bits that count: 0–32 or 0–128. */
  readonly prefixBits: number;
}

/**
 * Reads `10.0.0.0/8`, `2001:db8::/32` or one address. `::ffff:10.0.0.0/104` is exactly 10.0.0.0/8.
 *
 * @throws SluiceError `bad_cidr` with the corrected text as hint where there is one.
 */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/');
  const addressText = slash < 0 ? text : text.slice(0, slash);
  const base = addressText.includes('%') ? undefined : parseAddress(addressText);
  if (base === undefined) {
    throw badCidr(text, 'Write an address (10.0.0.1, 2001:db8::1) or a block (10.0.0.0/8, 2001:db8::/32).');
  }
  const isMapped = base.family === 4 && addressText.includes(':');
  const maxBits = base.family === 4 ? 32 : 128;
  if (slash < 0) return { base, prefixBits: maxBits };
  const bitsText = text.slice(slash + 1);
  const bits = /^(?:0|[1-9]\d{0,2})$/.test(bitsText) ? Number(bitsText) : -1;
  const prefixBits = isMapped ? bits - 96 : bits;
  if (isMapped && bits >= 0 && bits < 96) {
    // proxy-addr once read this as /8 of IPv6 and trusted all of IPv4 (CVE-2026-90711).
    const meant = bits <= 32 ? `${formatV4(masked(base, bits))}/${bits}` : 'an IPv4 block';
    throw badCidr(text, `A mapped address has a prefix of 96 to 128; write ${meant}.`);
  }
  if (bits < 0 || prefixBits > maxBits) {
    throw badCidr(text, `The part after the slash is a number from 0 to ${isMapped ? 128 : maxBits}.`);
  }
  if (!sameAddress(base, masked(base, prefixBits))) {
    const block = formatAddress(masked(base, prefixBits));
    throw badCidr(
      text,
      `It has bits set beyond /${bits}; write ${block}/${prefixBits} for the block or ${addressText} for the address.`,
    );
  }
  return { base, prefixBits };
}

function badCidr(text: string, hint: string): SluiceError {
  return new SluiceError('bad_cidr', `"${text}" is not an address or a block of addresses`, { hint });
}

const WORDS = ['w0', 'w1', 'w2', 'w3'] as const;

/** The mask of word `i` under a prefix. */
function maskOf(prefixBits: number, i: number): number {
  const bits = Math.min(32, Math.max(0, prefixBits - 32 * i));
  return bits === 0 ? 0 : -1 << (32 - bits);
}

function masked(address: Address, prefixBits: number): Address {
  return {
    family: address.family,
    w0: address.w0 & maskOf(prefixBits, 0),
    w1: address.w1 & maskOf(prefixBits, 1),
    w2: address.w2 & maskOf(prefixBits, 2),
    w3: address.w3 & maskOf(prefixBits, 3),
  };
}

function sameAddress(a: Address, b: Address): boolean {
  return WORDS.every((word) => a[word] === b[word]);
}

function formatV4(address: Address): string {
  return [24, 16, 8, 0].map((shift) => (address.w0 >>> shift) & 255).join('.');
}

function formatAddress(address: Address): string {
  if (address.family === 4) return formatV4(address);
  const groups = WORDS.flatMap((word) => [address[word] >>> 16, address[word] & 0xffff]);
  const text = groups.map((group) => group.toString(16)).join(':');
  return text.replace(/(?:^|:)0(?::0)+$/, '::');
}

/** The blocks of one family: first and last address of each, four words a block, sorted, none within another. */
class BlockList {
  readonly #first: Uint32Array;
  readonly #last: Uint32Array;
  readonly #count: number;

  constructor(blocks: readonly Cidr[]) {
    const kept: Cidr[] = [];
    const wideFirst = (a: Cidr, b: Cidr): number => compare(a.base, b.base) || a.prefixBits - b.prefixBits;
    for (const block of [...blocks].sort(wideFirst)) {
      const widest = kept.at(-1);
      if (widest && sameAddress(masked(block.base, widest.prefixBits), widest.base)) continue;
      kept.push(block);
    }
    this.#count = kept.length;
    this.#first = Uint32Array.from(kept.flatMap(({ base }) => WORDS.map((word) => base[word] >>> 0)));
    this.#last = Uint32Array.from(
      kept.flatMap(({ base, prefixBits }) =>
        WORDS.map((word, i) => (base[word] | ~maskOf(prefixBits, i)) >>> 0),
      ),
    );
  }

  has(address: Address): boolean {
    // hot path: asked per request where a route has a filter
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareAt(this.#first, middle, address) <= 0) low = middle + 1;
      else high = middle;
    }
    return low > 0 && compareAt(this.#last, low - 1, address) >= 0;
  }
}

/** Most sets hold one family or none; a thousand routes must not make thousands of arrays without anything in them. */
const NO_BLOCKS = new BlockList([]);

function listOf(blocks: readonly Cidr[], family: 4 | 6): BlockList {
  const own = blocks.filter(({ base }) => base.family === family);
  return own.length === 0 ? NO_BLOCKS : new BlockList(own);
}

function compare(a: Address, b: Address): number {
  for (const word of WORDS) {
    const difference = (a[word] >>> 0) - (b[word] >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Block `index` of the list against the address: negative when it is lower. */
function compareAt(list: Uint32Array, index: number, address: Address): number {
  const at = index * 4;
  let difference = (list[at] ?? 0) - (address.w0 >>> 0);
  if (difference === 0) difference = (list[at + 1] ?? 0) - (address.w1 >>> 0);
  if (difference === 0) difference = (list[at + 2] ?? 0) - (address.w2 >>> 0);
  if (difference === 0) difference = (list[at + 3] ?? 0) - (address.w3 >>> 0);
  return difference;
}

/** An immutable set of addresses. `trusted_proxies` is one: `has(peer)`. */
export class CidrSet {
  readonly #v4: BlockList;
  readonly #v6: BlockList;
  readonly isEmpty: boolean;

  /** @throws SluiceError `bad_cidr` at the first text that is none. */
  constructor(texts: readonly string[]) {
    const blocks = texts.map(parseCidr);
    this.#v4 = listOf(blocks, 4);
    this.#v6 = listOf(blocks, 6);
    this.isEmpty = blocks.length === 0;
  }

  /** Never true for a peer without an address (a Unix socket). */
  has(address: Address | undefined): boolean {
    if (address === undefined) return false;
    return address.family === 4 ? this.#v4.has(address) : this.#v6.has(address);
  }
}

export type IpDecision = 'allowed' | 'denied' | 'not_allowed';

/**
 * `ip_allow` and `ip_deny` of a listener or route. A denied address stays out even when it is allowed too; when
 * anything is allowed, all else is not. A peer without an address passes unless there is an allow list.
 */
export class IpFilter {
  readonly #allow: CidrSet;
  readonly #deny: CidrSet;
  /** Lets everybody in: the caller may skip it. */
  readonly isOpen: boolean;

  constructor(allow: readonly string[], deny: readonly string[]) {
    this.#allow = new CidrSet(allow);
    this.#deny = new CidrSet(deny);
    this.isOpen = this.#allow.isEmpty && this.#deny.isEmpty;
  }

  decide(address: Address | undefined): IpDecision {
    if (this.#deny.has(address)) return 'denied';
    return this.#allow.isEmpty || this.#allow.has(address) ? 'allowed' : 'not_allowed';
  }
}
