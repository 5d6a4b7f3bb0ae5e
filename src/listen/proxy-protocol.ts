/**
 * The PROXY protocol as a receiver reads it (haproxy.org, proxy-protocol.txt, sections 2.1 and 2.2): what a proxy in
 * front says of a connection before its first byte. Pure and incremental: bytes go in as they come, however they are
 * cut, and the same comes out.
 *
 *   v1   "PROXY" SP "TCP4" SP source SP destination SP port SP port CRLF           at most 107 bytes
 *   v2   signature 12 | version, command 1 | family 1 | length 2 | addresses | type 1, length 2, value | …
 *
 * Strict, since who is believed here decides who may come in: one spelling of every number, no white space too many, no
 * bytes that nothing accounts for. Of the values behind the addresses only the checksum is looked at.
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { unmapAddress } from '../kernel/address.ts';
import { crc32c } from './crc32c.ts';

/** Where a connection comes from and which address it was made to, as the proxy saw it. */
export interface ProxiedAddresses {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly targetAddress: string;
  readonly targetPort: number;
}

/** What the bytes so far are. `size` is the length of the header; what follows is the connection's own. */
export type ProxyReading =
  /** Too few to tell. */
  | { readonly kind: 'more' }
  /** Not the beginning of a header. */
  | { readonly kind: 'absent' }
  /** A header that names no client: `LOCAL`, `UNKNOWN`, or a family without IP addresses. */
  | { readonly kind: 'local'; readonly size: number }
  | { readonly kind: 'proxied'; readonly size: number; readonly addresses: ProxiedAddresses }
  | { readonly kind: 'malformed'; readonly why: string };

const MAX_V1_BYTES = 107;
const V1_START = Buffer.from('PROXY ', 'latin1');
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED_BYTES = 16;
/** Room for addresses and for values as large as a client certificate; the length field could say 65 535. */
const MAX_V2_BYTES = V2_FIXED_BYTES + 16 * 1024;

const MORE: ProxyReading = { kind: 'more' };
const ABSENT: ProxyReading = { kind: 'absent' };

function malformed(why: string): ProxyReading {
  return { kind: 'malformed', why };
}

/** Reads a header at the beginning of `bytes`, all that has come of a connection so far. */
export function readProxyHeader(bytes: Buffer): ProxyReading {
  if (startsLike(bytes, V1_START)) return bytes.length < V1_START.length ? MORE : readV1(bytes);
  if (startsLike(bytes, SIGNATURE)) return bytes.length < SIGNATURE.length ? MORE : readV2(bytes);
  return ABSENT;
}

/** Whether what there is of `bytes` agrees with `start`. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

// ---- version 1

function readV1(bytes: Buffer): ProxyReading {
  const end = bytes.subarray(0, MAX_V1_BYTES).indexOf(0x0a);
  if (end < 0)
    return bytes.length < MAX_V1_BYTES ? MORE : malformed(`a v1 line of more than ${MAX_V1_BYTES} bytes`);
  const line = bytes.toString('latin1', V1_START.length, end);
  const size = end + 1;
  if (!line.endsWith('\r') || line.indexOf('\r') < line.length - 1)
    return malformed('a v1 line that does not end in CRLF');
  const text = line.slice(0, -1);
  // Whatever follows the word is to be ignored.
  if (text === 'UNKNOWN' || text.startsWith('UNKNOWN ')) return { kind: 'local', size };
  const [family, sourceAddress = '', targetAddress = '', sourcePort = '', targetPort = '', ...rest] =
    text.split(' ');
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : null;
  if (isAddress === null) return malformed('a v1 line whose protocol is not TCP4, TCP6 or UNKNOWN');
  if (!isAddress(sourceAddress) || !isAddress(targetAddress))
    return malformed(`a v1 line whose addresses are not those of ${family}`);
  if (!isPort(sourcePort) || !isPort(targetPort)) return malformed('a v1 line with a bad port');
  if (rest.length > 0) return malformed('a v1 line with something behind its ports');
  const addresses = {
    sourceAddress: canonical(sourceAddress),
    sourcePort: Number(sourcePort),
    targetAddress: canonical(targetAddress),
    targetPort: Number(targetPort),
  };
  return { kind: 'proxied', size, addresses };
}

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

/** As Node writes a peer's address: IPv6 in its shortest form, an IPv4-mapped one as IPv4. */
function canonical(address: string): string {
  if (isIPv4(address)) return address;
  return unmapAddress(new SocketAddress({ address, family: 'ipv6' }).address);
}

// ---- version 2

const COMMAND = { local: 0x20, proxy: 0x21 } as const;
/** Family and transport in one byte. */
const UNSPEC = 0x00;
const TCP4 = 0x11;
const TCP6 = 0x21;
const UNIX_STREAM = 0x31;
/** Length of the two addresses with their ports. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { [TCP4]: 12, [TCP6]: 36, [UNIX_STREAM]: 216 };
const TYPE_CRC32C = 0x03;

function readV2(bytes: Buffer): ProxyReading {
  if (bytes.length < V2_FIXED_BYTES) return MORE;
  const command = bytes[12] as number;
  const family = bytes[13] as number;
  const size = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (command !== COMMAND.local && command !== COMMAND.proxy)
    return malformed('a v2 header of an unknown version or command');
  if (size > MAX_V2_BYTES) return malformed(`a v2 header of more than ${MAX_V2_BYTES} bytes`);
  if (command === COMMAND.proxy && family !== UNSPEC) {
    const addressBytes = ADDRESS_BYTES[family];
    // Datagrams do not come over a stream, and other families have no meaning yet.
    if (addressBytes === undefined) return malformed('a v2 header of an unknown family or transport');
    if (size < V2_FIXED_BYTES + addressBytes)
      return malformed('a v2 header that is too short for its addresses');
  }
  if (bytes.length < size) return MORE;
  // What a proxy says on its own behalf is discarded unread.
  if (command === COMMAND.local || family === UNSPEC) return { kind: 'local', size };
  const header = bytes.subarray(0, size);
  const problem = valuesProblem(header, V2_FIXED_BYTES + (ADDRESS_BYTES[family] as number));
  if (problem !== null) return malformed(problem);
  if (family === UNIX_STREAM) return { kind: 'local', size };
  return { kind: 'proxied', size, addresses: family === TCP4 ? addresses4(header) : addresses6(header) };
}

/** Walks over type, length and value of what follows the addresses. @returns a complaint, or null */
function valuesProblem(header: Buffer, start: number): string | null {
  let hasChecksum = false;
  for (let at = start; at < header.length; ) {
    if (header.length - at < 3) return 'a v2 header that ends within a value';
    const valueStart = at + 3;
    const valueEnd = valueStart + header.readUInt16BE(at + 1);
    if (valueEnd > header.length) return 'a v2 header with a value longer than itself';
    if (header[at] === TYPE_CRC32C) {
      if (hasChecksum || valueEnd - valueStart !== 4) return 'a v2 header with a bad checksum field';
      hasChecksum = true;
      if (crc32c(header, valueStart) !== header.readUInt32BE(valueStart))
        return 'a v2 header with a wrong checksum';
    }
    at = valueEnd;
  }
  return null;
}

function addresses4(header: Buffer): ProxiedAddresses {
  const text = (at: number): string => header.subarray(at, at + 4).join('.');
  return {
    sourceAddress: text(16),
    targetAddress: text(20),
    sourcePort: header.readUInt16BE(24),
    targetPort: header.readUInt16BE(26),
  };
}

function addresses6(header: Buffer): ProxiedAddresses {
  const text = (at: number): string => {
    const groups = Array.from({ length: 8 }, (_, i) => header.readUInt16BE(at + 2 * i).toString(16));
    return canonical(groups.join(':'));
  };
  return {
    sourceAddress: text(16),
    targetAddress: text(32),
    sourcePort: header.readUInt16BE(48),
    targetPort: header.readUInt16BE(50),
  };
}
