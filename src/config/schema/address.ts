/** IP addresses and paths of Unix sockets as they may stand in a file: what cannot work is said here, with what to write. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { dirname } from 'node:path';
import { canonicalAddress, isUnix, unixPathOf, withoutZone } from '../../kernel/address.ts';
import { quote } from '../units.ts';

/** What the system takes, less what the name needs under which a socket is made before it is put in its place. */
const MAX_PATH_BYTES = 107;
const MAX_FOLDER_BYTES = 90;

/** A complaint about a valid IP address that nothing can listen on or be connected to by, or undefined. */
export function ipProblem(ip: string): string | undefined {
  const bare = canonicalAddress(withoutZone(ip));
  const hasZone = ip.includes('%');
  const isLinkLocal = /^fe[89ab][0-9a-f]:/.test(bare);
  if (isLinkLocal && !hasZone)
    return `${quote(ip)} is link-local: the same address can be on every interface. Add the one that is meant: ${ip}%eth0.`;
  if (hasZone && !isLinkLocal)
    return `${quote(ip)} has a zone, which only link-local addresses (fe80::…) have. Write ${bare}.`;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)?.[1];
  if (mapped !== undefined) return `${quote(ip)} is an IPv4 address in IPv6. Write ${mapped}.`;
  if (/^ff[0-9a-f]{2}:/.test(bare)) return `${quote(ip)} is a multicast address.`;
  return undefined;
}

/** A complaint about the host of `[…]:port`, or undefined. For what does not even look like one, `otherwise`. */
export function bracketsProblem(text: string, otherwise: string): string {
  const inner = /^\[([^\]]*)\](?::(\d+))?$/.exec(text);
  const [, host = '', port = '8080'] = inner ?? [];
  if (inner && isIPv4(host)) return `${quote(text)}: only IPv6 stands in brackets. Write ${host}:${port}.`;
  if (inner && host.endsWith('%')) return `${quote(text)} has an empty zone. Write [${host}eth0]:${port}.`;
  const unbracketed = /^(.*):(\d+)$/.exec(text);
  // Node takes a colon for part of a zone.
  if (isIPv6(text) && !/%.*:/.test(text)) return `${quote(text)} has no port. Write "[${text}]:8080".`;
  if (unbracketed?.[1] !== undefined && isIPv6(unbracketed[1]))
    return `${quote(text)}: IPv6 stands in brackets before a port. Write "[${unbracketed[1]}]:${unbracketed[2]}".`;
  return otherwise;
}

/** A complaint about `unix:/path`, or undefined. */
export function unixProblem(text: string): string | undefined {
  const path = unixPathOf(text) as string;
  if (path.startsWith('//'))
    return `${quote(text)} has slashes too many. Write unix:/${path.replace(/^\/+/, '')}.`;
  if (!path.startsWith('/') || path.endsWith('/') || path.includes('\0'))
    return `${quote(text)} is not the path of a socket. Write it in full, like unix:/run/sluice/web.sock.`;
  const isLong =
    Buffer.byteLength(path) > MAX_PATH_BYTES || Buffer.byteLength(dirname(path)) > MAX_FOLDER_BYTES;
  if (isLong)
    return `${quote(text)} is too long: a socket’s path has at most ${MAX_PATH_BYTES} bytes, its folder ${MAX_FOLDER_BYTES}.`;
  return undefined;
}

/** A complaint about the `address` of a listener, or undefined. */
export function listenAddressProblem(value: string): string | undefined {
  if (isUnix(value)) return unixProblem(value);
  if (isIP(value) > 0) return ipProblem(value);
  const [, inner = '', port] = /^\[(.*)\](?::(\d+))?$/.exec(value) ?? [];
  if (isIPv6(inner))
    return `${quote(value)}: here the address stands without brackets${port === undefined ? '' : ', and the port in the key port'}. Write ${inner}.`;
  if (value.startsWith('/'))
    return `${quote(value)} is not an IP address. For a Unix socket write unix:${value}.`;
  return `${quote(value)} is not an IP address. Write one like 127.0.0.1 or "::1", or unix:/path/of.sock.`;
}
