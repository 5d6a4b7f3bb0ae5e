/**
 * The address of a server as the API takes it: `host:port`, or `:port` on this machine. Numbers that some resolvers
 * read as addresses (`127.1`, `2130706433`) are refused, so that what is shown is what is dialled; so are addresses
 * at which no server can be, and link-local ones, where clouds serve their machines' credentials.
 */
import { BlockList, isIP, isIPv4 } from 'node:net';
import { type HostPort, parseHostPort, unmapAddress } from '../kernel/address.ts';

const DNS_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

const NO_SERVERS = blocked();

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
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    return { error: 'Write host:port without a scheme; TLS to the servers is a setting of the pool.' };
  const parsed = parseHostPort(text.trim());
  if (!parsed) return { error: 'This is not an address. Write host:port, like 10.0.0.11:8080.' };
  if (parsed.port === 0) return { error: 'A server cannot have port 0.' };
  const host = parsed.host === '' ? '127.0.0.1' : unmapAddress(parsed.host.toLowerCase());
  const family = isIP(host);
  if (family === 0) {
    const last = host.split('.').at(-1) ?? '';
    // The last label of a name is never a number (RFC 3696 §2); one that is makes a resolver see an IPv4 address.
    if (!DNS_NAME.test(host) || /^(?:\d+|0x[0-9a-f]*)$/.test(last))
      return { error: `"${host}" is no host name and no IP address.` };
    return { host, port: parsed.port };
  }
  if (NO_SERVERS.check(host, isIPv4(host) ? 'ipv4' : 'ipv6'))
    return { error: `${host} cannot be the address of a server (unspecified, link-local or multicast).` };
  return { host, port: parsed.port };
}
