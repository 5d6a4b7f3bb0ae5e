import { fieldValue } from '../http/index.ts';
import { type HashKey, hashText, readCookie } from '../pool/index.ts';
import type { Exchange } from './exchange.ts';

/** What a pool with `consistent_hash` goes by. A request without it, or with an empty one, goes by its client's address. */
export function hashKeyOf(key: HashKey | null, { stream, asker }: Exchange): number {
  if (key === null || key.kind === 'client_ip') return asker.keyHash;
  const text = textOf(key, stream.head);
  return text === undefined || text === '' ? asker.keyHash : hashText(text);
}

function textOf(key: HashKey, { target, fields }: Exchange['stream']['head']): string | undefined {
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
