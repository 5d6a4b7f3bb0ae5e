import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** Where a peer is: `host` is a name, an IP without brackets, or `unix:` and a path, with port 0. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `host:port`, `1.2.3.4:80`, `[::1]:80`, `:80` (host '' ).
 * Returns undefined when it is none of them or the port is not 0–65535.
 */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[A-Za-z0-9.-]+)?)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const port = Number(match[3]);
  if (port > 65535) return undefined;
  if (match[1] !== undefined) return isIPv6(match[1]) ? { host: match[1], port } : undefined;
  return { host: match[2] ?? '', port };
}

/** `host:port` with brackets where the host is an IPv6 address; of a Unix socket `unix:` and its path. */
export function formatHostPort(at: HostPort): string {
  if (isUnix(at.host)) return at.host;
  return at.host.includes(':') ? `[${at.host}]:${at.port}` : `${at.host}:${at.port}`;
}

/** Stands for a client that came over a Unix socket and so has no address. */
export const UNIX_PEER = 'unix:';

export function isUnix(host: string): boolean {
  return host.startsWith('unix:');
}

/** The path of `unix:/path`; undefined for names and IP addresses. */
export function unixPathOf(host: string): string | undefined {
  return isUnix(host) ? host.slice('unix:'.length) : undefined;
}

/** What a Host field, a URL or a certificate calls it: no zone, which is nobody else's affair; a Unix socket is this machine. */
export function publicHost(host: string): string {
  return isUnix(host) ? 'localhost' : withoutZone(host);
}

/** An address in its one usual spelling, a name in lower case. A zone names an interface and stays as it is. */
export function canonicalAddress(host: string): string {
  if (!isIPv6(host)) return isUnix(host) ? host : host.toLowerCase();
  const bare = withoutZone(host);
  return new SocketAddress({ address: bare, family: 'ipv6' }).address + host.slice(bare.length);
}

/** An address without the interface that it is meant on (`fe80::1%eth0`), which only this machine knows. */
export function withoutZone(ip: string): string {
  const percent = ip.indexOf('%');
  return percent < 0 ? ip : ip.slice(0, percent);
}

/** An IPv4-mapped IPv6 address (`::ffff:1.2.3.4`) as plain IPv4; everything else, and a zone, as it is. */
export function unmapAddress(ip: string): string {
  if (ip.length > 7 && (ip.startsWith('::ffff:') || ip.startsWith('::FFFF:'))) {
    const rest = ip.slice(7);
    if (isIPv4(rest)) return rest;
  }
  return ip;
}
