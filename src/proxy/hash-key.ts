import { fieldValue } from '../http/index.ts';
import { type HashKey, hashText, readCookie } from '../pool/index.ts';

/** The request, as far as a key may be taken of it. */
export interface KeyedHead {
  readonly target: string;
  /** Field lines as they came, and the whole value of Cookie ('' = none). */
  readonly fields: { readonly text: string; readonly cookie: string };
}

/**
 * What a pool with `consistent_hash`, or a split, goes by. A request without it, or with an empty one, goes by its client's address.
 * @param clientHash of the address
 */
export function hashKeyOf(key: HashKey | null, head: KeyedHead, clientHash: number): number {
  if (key === null || key.kind === 'client_ip') return clientHash;
  const text = keyText(key, head);
  return text === undefined || text === '' ? clientHash : hashText(text);
}

/** What a request has of that kind; undefined = it has none. */
export function keyText(key: HashKey, { target, fields }: KeyedHead): string | undefined {
  const mark = target.indexOf('?');
  switch (key.kind) {
    case 'header':
      return fieldValue(fields.text, key.name);
    case 'cookie':
      return fields.cookie === '' ? undefined : readCookie(fields.cookie, key.name);
    case 'query':
      return mark < 0 ? undefined : queryValue(target.slice(mark + 1), key.name);
    default:
      return mark < 0 ? target : target.slice(0, mark);
  }
}

/** The first of that name, as it was written: a key that is spelt in two ways is two keys. */
function queryValue(query: string, name: string): string | undefined {
  for (const pair of query.split('&')) if (pair.startsWith(`${name}=`)) return pair.slice(name.length + 1);
  return undefined;
}
