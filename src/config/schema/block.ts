/** Blocks of addresses as they may stand in a file: strict, since a sloppy one lets in or trusts the wrong people. */
import { isIPv4, isIPv6 } from 'node:net';
import { quote } from '../units.ts';

/** A complaint about a CIDR block or an address, or undefined. */
export function blockProblem(value: string): string | undefined {
  const slash = value.indexOf('/');
  const address = slash < 0 ? value : value.slice(0, slash);
  const width = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : 0;
  if (width === 0)
    return `${quote(value)} is not an address block. Write one like 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32.`;
  const bits = width === 32 ? bitsOf4(address) : bitsOf6(address);
  if (width === 128 && bits >> 32n === 0xffffn)
    return `${quote(value)} is an IPv4 address in IPv6. Write it as IPv4: ${format4(bits & 0xffff_ffffn)}.`;
  if (slash < 0) return undefined;
  const prefixText = value.slice(slash + 1);
  const prefix = /^(?:0|[1-9]\d{0,2})$/.test(prefixText) ? Number(prefixText) : -1;
  if (prefix < 0 || prefix > width)
    return `${quote(value)} has no valid prefix length. It is 0 to ${width} here.`;
  const hostBits = BigInt(width - prefix);
  const base = (bits >> hostBits) << hostBits;
  if (base === bits) return undefined;
  const block = `${width === 32 ? format4(base) : format6(base)}/${prefix}`;
  return `${quote(value)} has bits set beyond /${prefix}. Write ${block} for the block or ${address} for the address.`;
}

function bitsOf4(address: string): bigint {
  return address.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

/** The URL parser brings every spelling, one with a dotted end included, to hexadecimal groups. */
function bitsOf6(address: string): bigint {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : []);
  const front = groups(head);
  const back = groups(tail);
  const zeros = Array<string>(8 - front.length - back.length).fill('0');
  return [...front, ...zeros, ...back].reduce((bits, part) => (bits << 16n) | BigInt(`0x${part}`), 0n);
}

function format4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join('.');
}

function format6(bits: bigint): string {
  const groups = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) =>
    ((bits >> shift) & 0xffffn).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
