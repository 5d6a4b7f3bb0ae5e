/**
 * The address of a server as the API takes it: `host:port`, `:port` or `unix:/path` on this machine. Numbers that some resolvers
 * read as addresses (`127.1`, `2130706433`) are refused, so that what is shown is what is dialled; so are addresses
 * at which no server can be, and link-local ones without their interface, where clouds serve their machines' credentials.
 */
import { BlockList, isIP, isIPv4 } from 'node:net';
import {
  canonicalAddress,
  type HostPort,
  isUnix,
  parseHostPort,
  unixPathOf,
  unmapAddress,
  withoutZone,
} from '../kernel/address.ts';

const DNS_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

const NO_SERVERS = blocked();
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');
/** Of OpenStack, beside 169.254.169.254. */
const METADATA = 'fe80::a9fe:a9fe';
const MAX_PATH_BYTES = 107;

function blocked(): BlockList {
  const list = new BlockList();
  list.addSubnet('0.0.0.0', 8);
  list.addSubnet('169.254.0.0', 16);
  list.addSubnet('224.0.0.0', 3);
  list.addAddress('::', 'ipv6');
  list.addSubnet('fe80::', 10, 'ipv6');
  list.addSubnet('ff00::', 8, 'ipv6');
  return list;
}

/** The address, or a sentence that says what is wrong with it. */
export function parseServerAddress(text: string): HostPort | { readonly error: string } {
  if (isUnix(text)) return parseSocket(text);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    return { error: 'Write host:port without a scheme; TLS to the servers is a setting of the pool.' };
  const parsed = parseHostPort(text.trim());
  if (!parsed) return { error: 'This is not an address. Write host:port, like 10.0.0.11:8080.' };
  if (parsed.port === 0) return { error: 'A server cannot have port 0.' };
  const host = parsed.host === '' ? '127.0.0.1' : unmapAddress(canonicalAddress(parsed.host));
  const family = isIP(host);
  if (family === 0) {
    const last = host.split('.').at(-1) ?? '';
    // The last label of a name is never a number (RFC 3696 §2); one that is makes a resolver see an IPv4 address.
    if (!DNS_NAME.test(host) || /^(?:\d+|0x[0-9a-f]*)$/.test(last))
      return { error: `"${host}" is no host name and no IP address.` };
    return { host, port: parsed.port };
  }
  if (host.includes('%')) return parseZoned(host, parsed.port);
  if (NO_SERVERS.check(host, isIPv4(host) ? 'ipv4' : 'ipv6'))
    return { error: `${host} cannot be the address of a server (unspecified, link-local or multicast).` };
  return { host, port: parsed.port };
}

/** With its interface a link-local address is one that somebody meant; without, it could be anywhere. */
function parseZoned(host: string, port: number): HostPort | { readonly error: string } {
  const bare = withoutZone(host);
  if (!LINK_LOCAL.check(bare, 'ipv6'))
    return { error: `Only link-local addresses have a zone. Write [${bare}]:${port}.` };
  if (bare === METADATA) return { error: `${host} is where a cloud serves its machines' credentials.` };
  return { host, port };
}

function parseSocket(text: string): HostPort | { readonly error: string } {
  const path = unixPathOf(text) as string;
  const isPath =
    path.startsWith('/') && !path.startsWith('//') && !path.endsWith('/') && !path.includes('\0');
  if (!isPath)
    return { error: 'This is not the path of a socket. Write it in full, like unix:/run/app.sock.' };
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    return { error: `A socket's path has at most ${MAX_PATH_BYTES} bytes.` };
  return { host: text, port: 0 };
}
