import { isIP } from 'node:net';
import { canonicalAddress, isUnix, parseHostPort } from '../../kernel/address.ts';
import { quote } from '../units.ts';
import { bracketsProblem, ipProblem, unixProblem } from './address.ts';
import { isDnsName } from './basics.ts';

export interface Listen {
  readonly scheme: 'http' | 'https';
  /** An IP address or a Unix socket to bind; undefined = all. */
  readonly address: string | undefined;
  /** A host name to match; undefined = any. */
  readonly host: string | undefined;
  /** undefined = a Unix socket has none. */
  readonly port: number | undefined;
}

/** `:8080`, `host:8080`, `http://host[:port]`, `https://host[:port]`, `unix:/path`; or a complaint. */
export function parseListen(value: string): Listen | { readonly error: string } {
  if (isUnix(value)) {
    const error = unixProblem(value);
    return error === undefined
      ? { scheme: 'http', address: value, host: undefined, port: undefined }
      : { error };
  }
  const url = /^(https?):\/\/(.*?)\/?$/i.exec(value);
  const scheme = url?.[1]?.toLowerCase() === 'https' ? 'https' : 'http';
  let rest = url?.[2] ?? value;
  if (/^\d+$/.test(rest)) return { error: `${quote(value)} is not an address. Write ":${rest}".` };
  // In a URL the zone's percent sign is written as %25 (RFC 6874).
  if (url !== null) rest = rest.replace(/^(\[?[0-9a-f:]+)%25/i, '$1%');
  if (rest.includes('/'))
    return { error: `${quote(value)} has a path. To match paths, write listeners, routes and pools.` };
  if (isIP(rest) === 6) rest = `[${rest}]`;
  if (!/:\d+$/.test(rest) || /^\[[^\]]*\]$/.test(rest)) {
    if (url === null)
      return { error: `${quote(value)} has no port. Write ${rest}:8080, or https://${rest} for port 443.` };
    rest = `${rest}:${scheme === 'https' ? 443 : 80}`;
  }
  const parsed = parseHostPort(rest);
  if (!parsed) {
    const otherwise = `${quote(value)} is not an address. Write :8080, http://host:8080 or https://host.`;
    return { error: bracketsProblem(rest, otherwise) };
  }
  const host = canonicalAddress(parsed.host);
  if (host === '' || host === '*') return { scheme, address: undefined, host: undefined, port: parsed.port };
  const problem = isIP(host) > 0 ? ipProblem(host) : undefined;
  if (problem !== undefined) return { error: problem };
  if (isIP(host) > 0) return { scheme, address: host, host: undefined, port: parsed.port };
  const bare = host.startsWith('*.') ? host.slice(2) : host;
  if (!isDnsName(bare))
    return { error: `${quote(value)} is not an address: ${quote(host)} is no host name.` };
  return { scheme, address: undefined, host, port: parsed.port };
}
