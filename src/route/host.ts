/**
 * The one spelling of a host that routes are matched against, and the host patterns of the file.
 * That a Host field is well-formed (one, no userinfo, port of digits) is settled before, by the parser of http/.
 */
import { isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { SluiceError } from '../kernel/errors.ts';

/**
 * Lower case, without port and without the dot at the end (`T.Example.:8080` is `t.example`): all spellings of a
 * host take the same route (CVE-2022-23632, CVE-2026-27588). An IPv6 literal keeps its brackets.
 *
 * @param hostHeader the value of Host or `:authority`, '' when there is none.
 * @returns the very same string when it is normal already.
 */
export function normalizeHost(hostHeader: string): string {
  // hot path: bench/micro/route.ts
  let end = hostHeader.length;
  let needsLowerCase = false;
  let colon = -1;
  for (let i = 0; i < end; i++) {
    const code = hostHeader.charCodeAt(i);
    if (code === 0x3a) colon = i;
    else if (code === 0x5d)
      colon = -1; // the colons so far stand inside [ ]
    else if (code >= 0x41 && code <= 0x5a) needsLowerCase = true;
  }
  if (colon >= 0) end = colon;
  if (end > 1 && hostHeader.charCodeAt(end - 1) === 0x2e) end--;
  const host = end === hostHeader.length ? hostHeader : hostHeader.slice(0, end);
  return needsLowerCase ? host.toLowerCase() : host;
}

/** A host pattern, compiled: any host, one host, or every host that ends with `suffix` (dot included). */
export type HostPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact'; readonly host: string }
  | { readonly kind: 'suffix'; readonly suffix: string };

/**
 * Reads `*`, `shop.example.com` or `*.example.com`. The wildcard stands for one label or more (as in nginx):
 * it matches a.example.com and a.b.example.com, not example.com. Names beyond ASCII become their A-labels.
 *
 * @throws SluiceError `bad_host_pattern`
 */
export function parseHostPattern(text: string): HostPattern {
  if (text === '*') return { kind: 'any' };
  const isWildcard = text.startsWith('*.');
  const name = isWildcard ? text.slice(2) : text;
  if (name === '' || name.includes('*')) {
    throw badHost(text, 'Write a host, or `*.` before one: `*.example.com`.');
  }
  if (/[\s/@?#\\]/.test(name) || name.includes('://')) {
    throw badHost(text, 'Write the host only, without scheme, path or spaces.');
  }
  if (isIPv6(name)) return { kind: 'exact', host: `[${name.toLowerCase()}]` };
  const normal = normalizeHost(name);
  if (normal.length < name.replace(/\.$/, '').length) {
    throw badHost(text, 'Write the host without a port; the listener has the port.');
  }
  const host = normal.startsWith('[') ? normal : domainToASCII(normal);
  if (host === '') throw badHost(text, 'This is not a valid host name.');
  return isWildcard ? { kind: 'suffix', suffix: `.${host}` } : { kind: 'exact', host };
}

function badHost(text: string, hint: string): SluiceError {
  return new SluiceError('bad_host_pattern', `"${text}" is not a host pattern`, { hint });
}

/** Whether a normal host matches; the plain definition, for `explain` (look-ups use the table). */
export function hostMatches(pattern: HostPattern, host: string): boolean {
  switch (pattern.kind) {
    case 'any':
      return true;
    case 'exact':
      return pattern.host === host;
    case 'suffix':
      return host.length > pattern.suffix.length && host.endsWith(pattern.suffix);
    default:
      return pattern satisfies never;
  }
}
