/**
 * The PROXY protocol as a sender writes it (haproxy.org, proxy-protocol.txt): who a connection to a server is for. Headers
 * are latin1 strings, one character a byte, as heads are.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { withoutZone } from './address.ts';

export type ProxyVersion = 'v1' | 'v2';

/** The client, and the address that it connected to. Ports that are not known are 0. */
export interface ProxiedClient {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly targetAddress: string;
  readonly targetPort: number;
}

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const VERSION_2 = 0x20;
const COMMAND_PROXY = 1;
const TCP4 = 0x11;
const TCP6 = 0x21;

/** For a connection that is our own, such as a health check. */
export function ownProxyHeader(version: ProxyVersion): string {
  return version === 'v1' ? 'PROXY UNKNOWN\r\n' : `${SIGNATURE}${String.fromCharCode(VERSION_2, 0, 0, 0)}`;
}

/** For a connection that carries this client's requests. One without an IP address is said to be unknown. */
export function proxyHeader(version: ProxyVersion, client: ProxiedClient): string {
  const pair = samePlace(withoutZone(client.sourceAddress), withoutZone(client.targetAddress));
  const { sourcePort, targetPort } = client;
  if (version === 'v1') {
    if (pair === null) return 'PROXY UNKNOWN\r\n';
    return `PROXY TCP${pair.family} ${pair.source} ${pair.target} ${sourcePort} ${targetPort}\r\n`;
  }
  const head = `${SIGNATURE}${String.fromCharCode(VERSION_2 | COMMAND_PROXY)}`;
  if (pair === null) return `${head}\0\0\0`;
  const bytesOf = pair.family === 4 ? bytes4 : bytes6;
  const body = bytesOf(pair.source) + bytesOf(pair.target) + word(sourcePort) + word(targetPort);
  return `${head}${String.fromCharCode(pair.family === 4 ? TCP4 : TCP6)}${word(body.length)}${body}`;
}

interface Pair {
  readonly family: 4 | 6;
  readonly source: string;
  readonly target: string;
}

/** Both in one family, which a header must have: beside an IPv6 address an IPv4 one is written as mapped. */
function samePlace(source: string, target: string): Pair | null {
  if (isIPv4(source)) {
    // Where it was connected to may not be known any more: the client has just gone.
    if (isIPv4(target)) return { family: 4, source, target };
    return isIPv6(target)
      ? { family: 6, source: mapped(source), target }
      : { family: 4, source, target: '0.0.0.0' };
  }
  if (!isIPv6(source)) return null;
  if (isIPv6(target)) return { family: 6, source, target };
  return { family: 6, source, target: isIPv4(target) ? mapped(target) : '::' };
}

function mapped(address: string): string {
  return `::ffff:${address}`;
}

function word(value: number): string {
  return String.fromCharCode(value >> 8, value & 0xff);
}

function bytes4(address: string): string {
  return String.fromCharCode(...address.split('.').map(Number));
}

/** @param address a valid one, without zone */
function bytes6(address: string): string {
  const [head = '', tail] = address.split('::');
  const front = groups(head);
  const back = groups(tail ?? '');
  const zeros = '\0\0'.repeat(tail === undefined ? 0 : (16 - front.length - back.length) / 2);
  return front + zeros + back;
}

/** Two bytes for each group, four for a dotted end. */
function groups(text: string): string {
  if (text === '') return '';
  return text
    .split(':')
    .map((group) => (group.includes('.') ? bytes4(group) : word(Number.parseInt(group, 16))))
    .join('');
}
