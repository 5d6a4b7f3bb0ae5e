/** What can be told of limits although some of it is wrong. Part of loose.ts. */
import type { Path } from './diagnostic.ts';
import { type At, at, mapping } from './loose-value.ts';

/** Where a `rate_limit` says that it is shared. */
export function readSharedRates(value: unknown, path: Path): At[] {
  return eachLimit(value, path).flatMap(([limit, own]) =>
    mapping(limit)['shared'] === true ? [{ text: 'true', path: [...own, 'shared'] }] : [],
  );
}

/** Where the limits of a route count by tenant. @param noun has `rate_limit`, `concurrency` or both */
export function readTenantKeys(noun: Readonly<Record<string, unknown>>, path: Path): At[] {
  return ['rate_limit', 'concurrency']
    .flatMap((key) => eachLimit(noun[key], [...path, key]))
    .flatMap(([limit, own]) => at(mapping(limit)['key'], [...own, 'key']) ?? [])
    .filter(({ text }) => text === 'tenant');
}

/** One, or those of a list. */
function eachLimit(value: unknown, path: Path): (readonly [limit: unknown, path: Path])[] {
  return Array.isArray(value) ? value.map((each, index) => [each, [...path, index]]) : [[value, path]];
}
