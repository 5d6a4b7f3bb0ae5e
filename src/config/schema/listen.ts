import { isIP } from 'node:net';
import { parseHostPort } from '../../kernel/address.ts';
import { quote } from '../units.ts';
import { isDnsName } from './basics.ts';

export interface Listen {
  readonly scheme: 'http' | 'https';
  /** An IP address to bind; undefined = all. */
  readonly address: string | undefined;
  /** A host name to match; undefined = any. */
  readonly host: string | undefined;
  readonly port: number;
}

/** `:8080`, `host:8080`, `http://host[:port]`, `https://host[:port]`; or a complaint. */
export function parseListen(value: string): Listen | { readonly error: string } {
  const url = /^(https?):\/\/(.*?)\/?$/i.exec(value);
  const scheme = url?.[1]?.toLowerCase() === 'https' ? 'https' : 'http';
  let rest = url?.[2] ?? value;
  if (/^\d+$/.test(rest)) return { error: `${quote(value)} is not an address. Write ":${rest}".` };
  if (rest.includes('/'))
    return { error: `${quote(value)} has a path. To match paths, write listeners, routes and pools.` };
  if (isIP(rest) === 6) rest = `[${rest}]`;
  if (!/:\d+$/.test(rest) || /^\[[^\]]*\]$/.test(rest)) {
    if (url === null)
      return { error: `${quote(value)} has no port. Write ${rest}:8080, or https://${rest} for port 443.` };
    rest = `${rest}:${scheme === 'https' ? 443 : 80}`;
  }
  const parsed = parseHostPort(rest);
  if (!parsed)
    return { error: `${quote(value)} is not an address. Write :8080, http://host:8080 or https://host.` };
  const host = parsed.host.toLowerCase();
  if (host === '' || host === '*') return { scheme, address: undefined, host: undefined, port: parsed.port };
  if (isIP(host) > 0) return { scheme, address: host, host: undefined, port: parsed.port };
  const bare = host.startsWith('*.') ? host.slice(2) : host;
  if (!isDnsName(bare))
    return { error: `${quote(value)} is not an address: ${quote(host)} is no host name.` };
  return { scheme, address: undefined, host, port: parsed.port };
}
