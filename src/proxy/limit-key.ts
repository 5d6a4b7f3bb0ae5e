import { fieldValues } from '../http/index.ts';
import type { ClientKey, LimiterTable, TextKey } from '../limit/index.ts';
import type { HashKey } from '../pool/index.ts';
import { normalizePath } from '../route/index.ts';
import type { Exchange } from './exchange.ts';
import { keyText } from './hash-key.ts';

/** What a limit counts by; `route` and `listener` = all its requests together. */
export type LimitKey = HashKey | { readonly kind: 'route' | 'listener' | 'tenant' };

/** Beside all addresses: no IPv6 address begins so (RFC 4291 section 2.4). */
const EVERYBODY: ClientKey = Object.freeze({ hi: 0x0000fffd, lo: 0 });

/** How a key is written in the file. */
export function limitKeyName(key: LimitKey): string {
  return 'name' in key ? `${key.kind}:${key.name}` : key.kind;
}

/**
 * Whom a request counts for. A request without the header, cookie, parameter or tenant, or with an empty one, counts for
 * its client's address: leaving it out must not be a way around the limit.
 * @param into filled in when the key is made of a text; the answer is good until it is filled in again
 */
export function limitKeyOf(
  key: LimitKey,
  exchange: Exchange,
  limiter: Pick<LimiterTable, 'textKey'>,
  into: TextKey,
): ClientKey {
  if (key.kind === 'client_ip') return exchange.asker.key;
  const text = limitKeyText(key, exchange);
  if (text === null) return EVERYBODY;
  if (text === undefined || text === '') return exchange.asker.key;
  limiter.textKey(text, into);
  return into;
}

/**
 * What a request has of a key; null = a key that all requests share, undefined = nothing. Not for `client_ip`.
 *
 * Servers take `bob`, `%62ob` and the second of two values for the same person, so a limit does too: paths are taken in their normal
 * form, parameters decoded, and of what is there twice nobody knows which one a server believes: that counts as nothing.
 */
export function limitKeyText(key: LimitKey, exchange: Exchange): string | null | undefined {
  switch (key.kind) {
    case 'route':
    case 'listener':
      return null;
    case 'tenant':
      return exchange.tenant;
    case 'client_ip':
      return undefined;
    case 'path':
      return pathText(exchange);
    case 'query':
      return parameterText(exchange.stream.head.target, (key as { readonly name: string }).name);
    case 'header': {
      const values = fieldValues(exchange.stream.head.fields.text, (key as { readonly name: string }).name);
      return values.length === 1 ? values[0] : undefined;
    }
    default:
      return keyText(key as HashKey, exchange.stream.head);
  }
}

/** Of a listener's limits, which come before a route is looked for, too. */
function pathText({ path, stream: { head } }: Exchange): string {
  if (path !== '') return path;
  const mark = head.target.indexOf('?');
  const raw = mark < 0 ? head.target : head.target.slice(0, mark);
  const normal = normalizePath(raw);
  return typeof normal === 'string' ? normal : raw;
}

/** The only value of that parameter, decoded, as bytes. */
function parameterText(target: string, name: string): string | undefined {
  const mark = target.indexOf('?');
  if (mark < 0) return undefined;
  const values = new URLSearchParams(target.slice(mark + 1)).getAll(name);
  return values.length === 1 ? Buffer.from(values[0] as string).toString('latin1') : undefined;
}
