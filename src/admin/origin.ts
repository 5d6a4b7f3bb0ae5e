/**
 * Is this request from a page that somebody else made? A browser on this machine can reach the admin address; a web
 * page must not be able to use it. Three checks before anything else, also for the probes, which need no token:
 *
 *   Host            a name that an attacker's DNS points here (rebinding) is none of ours. No IP address but our own
 *                   is accepted either, unless all addresses are listened on: then a literal cannot have been rebound.
 *   Origin          browsers send it with everything that may change something; it has to be this very address.
 *   Sec-Fetch-Site  browsers cannot be made to lie about it; `same-site` is refused as well, because all ports of
 *                   localhost are one site.
 *
 * Programs send neither of the last two. A request without a Host field (HTTP/1.0) is from no browser.
 */
import { BlockList, isIP, isIPv4 } from 'node:net';
import { unmapAddress, withoutZone } from '../kernel/address.ts';

export interface OriginFields {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly secFetchSite: string | undefined;
}

export interface OriginRules {
  /** What is listened on: an IP address, a name, or '' for all addresses. */
  readonly listenHost: string;
  /** Further names under which the API may be called, lower case. */
  readonly hosts: readonly string[];
}

export type OriginVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'host_refused' | 'origin_refused'; readonly detail: string };

const OK: OriginVerdict = { ok: true };

export function judgeOrigin(fields: OriginFields, rules: OriginRules): OriginVerdict {
  const { host, origin, secFetchSite } = fields;
  const name = host === undefined ? undefined : hostName(host);
  if (host !== undefined && (name === undefined || !isOurs(name, rules)))
    return { ok: false, code: 'host_refused', detail: `The Host field names "${printable(host)}".` };
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin' && secFetchSite !== 'none')
    return {
      ok: false,
      code: 'origin_refused',
      detail: `A page of another origin asked (Sec-Fetch-Site: ${printable(secFetchSite)}).`,
    };
  if (origin !== undefined && !isSameOrigin(origin, host))
    return {
      ok: false,
      code: 'origin_refused',
      detail: `A page of "${printable(origin)}" asked.`,
    };
  return OK;
}

/** Whether an address or name can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  const bare = unmapAddress(host.toLowerCase());
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}

function isOurs(name: string, rules: OriginRules): boolean {
  // A client names no interface, and ours need not be called the same at its end.
  const own = withoutZone(rules.listenHost).toLowerCase();
  if (isLoopback(name) || name === own || rules.hosts.includes(name)) return true;
  return isIP(name) !== 0 && isWildcard(own);
}

function isWildcard(host: string): boolean {
  if (host === '') return true;
  if (isIP(host) === 0) return false;
  const any = new BlockList();
  any.addAddress('0.0.0.0');
  any.addAddress('::', 'ipv6');
  return any.check(host, isIPv4(host) ? 'ipv4' : 'ipv6');
}

/** The name in a Host field without its port, in lower case; undefined when the field is none. */
function hostName(field: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]@/?#\s,]+))(?::\d{1,5})?$/i.exec(field);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function isSameOrigin(origin: string, host: string | undefined): boolean {
  const match = /^https?:\/\/(\S+)$/i.exec(origin);
  return host !== undefined && match?.[1]?.toLowerCase() === host.toLowerCase();
}

/** Text of a stranger, cut and without quotes or control characters. */
function printable(text: string): string {
  return text.slice(0, 100).replace(/[^\x20-\x7e]|["\\]/g, '?');
}
