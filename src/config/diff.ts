/**
 * What a reload changes, noun by noun. Pure. Nouns are matched by name (servers by id); where they stand in the file
 * does not count, except for the order of the routes, which decides which one matches.
 */
import { isDeepStrictEqual } from 'node:util';
import type { PoolConfig, ResolvedConfig } from './resolved.ts';
import { Secret } from './secret.ts';

export interface Changed {
  readonly name: string;
  /** The properties that differ, such as `weight` or `health.intervalMs`. */
  readonly what: readonly string[];
}

export interface NounDiff {
  readonly kept: readonly string[];
  readonly added: readonly string[];
  readonly changed: readonly Changed[];
  readonly removed: readonly string[];
}

export interface ConfigDiff {
  readonly listeners: NounDiff;
  readonly routes: NounDiff;
  /** The routes that both have stand in another order. */
  readonly routesReordered: boolean;
  /** Settings of the pools; their servers stand in `servers`. */
  readonly pools: NounDiff;
  /** By pool, for every pool that is in either; all servers of a new pool are added, of a gone one removed. */
  readonly servers: ReadonlyMap<string, NounDiff>;
  readonly certificates: NounDiff;
  /** Differences elsewhere: `threads`, `admin.listen`, `logs.level` … */
  readonly settings: readonly string[];
  /** True when nothing differs. */
  readonly same: boolean;
}

interface Named {
  readonly name: string;
}

export function diffConfig(before: ResolvedConfig, after: ResolvedConfig): ConfigDiff {
  const poolsBefore = new Map(before.pools.map((pool) => [pool.name, pool]));
  const poolsAfter = new Map(after.pools.map((pool) => [pool.name, pool]));
  const servers = new Map<string, NounDiff>();
  for (const name of new Set([...poolsBefore.keys(), ...poolsAfter.keys()]))
    servers.set(name, diffServers(poolsBefore.get(name), poolsAfter.get(name)));
  const parts = {
    listeners: diffNouns(before.listeners, after.listeners),
    routes: diffNouns(before.routes, after.routes),
    pools: diffNouns(before.pools.map(withoutServers), after.pools.map(withoutServers)),
    certificates: diffNouns(before.certificates, after.certificates),
  };
  const routesReordered = isReordered(before.routes, after.routes);
  const settings = (
    [
      'threads',
      'maxMemoryBytes',
      'shutdown',
      'admin',
      'store',
      'logs',
      'sharedLimits',
      'tenants',
      'errorPages',
    ] as const
  ).flatMap((key) => differences(before[key], after[key], key));
  const same =
    [...Object.values(parts), ...servers.values()].every(isUnchanged) &&
    settings.length === 0 &&
    !routesReordered;
  return { ...parts, routesReordered, servers, settings, same };
}

/** True when nothing was added, changed or removed. */
export function isUnchanged(diff: NounDiff): boolean {
  return diff.added.length + diff.changed.length + diff.removed.length === 0;
}

function withoutServers(pool: PoolConfig): Omit<PoolConfig, 'servers' | 'discovery'> {
  const { servers: _, discovery: __, ...rest } = pool;
  return rest;
}

function diffServers(before: PoolConfig | undefined, after: PoolConfig | undefined): NounDiff {
  const list = (pool: PoolConfig | undefined): readonly Named[] => [
    ...(pool?.servers ?? []).map(({ id, ...rest }) => ({ name: id, ...rest })),
    ...(pool?.discovery ?? []).map(({ name, kind, port, ...rest }) => ({
      name: kind === 'srv' ? `srv ${name}` : `dns ${name}:${port}`,
      ...rest,
    })),
  ];
  return diffNouns(list(before), list(after));
}

function diffNouns(before: readonly Named[], after: readonly Named[]): NounDiff {
  const old = new Map(before.map((each) => [each.name, each]));
  const names = new Set(after.map((each) => each.name));
  const kept: string[] = [];
  const added: string[] = [];
  const changed: Changed[] = [];
  for (const each of after) {
    const previous = old.get(each.name);
    if (previous === undefined) {
      added.push(each.name);
      continue;
    }
    const what = differences(previous, each, '');
    if (what.length === 0) kept.push(each.name);
    else changed.push({ name: each.name, what });
  }
  const removed = before.map((each) => each.name).filter((name) => !names.has(name));
  return { kept, added, changed, removed };
}

function isReordered(before: readonly Named[], after: readonly Named[]): boolean {
  const names = new Set(after.map((each) => each.name));
  const old = new Set(before.map((each) => each.name));
  const was = before.map((each) => each.name).filter((name) => names.has(name));
  const is = after.map((each) => each.name).filter((name) => old.has(name));
  return !isDeepStrictEqual(was, is);
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return false;
  return !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** Paths of the properties that differ; `source` does not count. */
function differences(before: unknown, after: unknown, path: string): string[] {
  if (isPlain(before) && isPlain(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    keys.delete('source');
    return [...keys].flatMap((key) =>
      differences(before[key], after[key], path === '' ? key : `${path}.${key}`),
    );
  }
  return isSame(before, after) ? [] : [path];
}

function isSame(before: unknown, after: unknown): boolean {
  if (before instanceof Secret && after instanceof Secret) return before.equals(after);
  if (Array.isArray(before) && Array.isArray(after))
    return (
      before.length === after.length &&
      before.every((each, index) => differences(each, after[index], 'x').length === 0)
    );
  return isDeepStrictEqual(before, after);
}
