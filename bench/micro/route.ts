/**
 * A route look-up in nanoseconds with 3 and with 1 000 routes, and the normal forms. The figure to hold: 1 000 routes
 * cost about what 3 do. `node bench/micro/route.ts`
 */
import { systemClock } from '../../src/kernel/clock.ts';
import { compileRoutes, normalizeHost, normalizePath, type RouteOptions } from '../../src/route/index.ts';

const LOOKUPS = 1_000_000;
const ROUNDS = 5;

function routes(count: number): RouteOptions[] {
  const all: RouteOptions[] = [];
  for (let i = 0; i < count - 1; i++) {
    all.push({
      name: `r${i}`,
      listeners: null,
      hosts: i % 3 === 0 ? [] : i % 3 === 1 ? [`host${i % 50}.example.com`] : [`*.zone${i % 20}.example.com`],
      paths: [i % 2 === 0 ? `/service${i}/*` : `/service${i}/exact`],
      action: { kind: 'pool', pool: 'p' },
    });
  }
  all.push({ name: 'rest', listeners: null, hosts: [], paths: [], action: { kind: 'pool', pool: 'p' } });
  return all;
}

/** Nanoseconds a call; the best of some rounds. */
function measure(call: (i: number) => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  let kept: unknown;
  for (let round = 0; round < ROUNDS; round++) {
    const began = systemClock.nowMs();
    for (let i = 0; i < LOOKUPS; i++) kept = call(i);
    best = Math.min(best, ((systemClock.nowMs() - began) * 1e6) / LOOKUPS);
  }
  if (kept === null) throw new Error('unreachable: keeps the calls from being optimised away');
  return best;
}

// Strings as they come: cut from a buffer, so that no two requests share one.
const hosts = Array.from({ length: 64 }, (_, i) => Buffer.from(`host${i}.example.com`).toString('latin1'));
const zones = Array.from({ length: 64 }, (_, i) => Buffer.from(`a.zone${i}.example.com`).toString('latin1'));
const paths = Array.from({ length: 1024 }, (_, i) =>
  Buffer.from(`/service${i}/books/${i}`).toString('latin1'),
);
const strangers = paths.map((path) => path.replace('books', 'x').replace('/service', '/serve'));
const escaped = paths.map((path) => `${path}/with%20space/%7euser`);
const at = (list: readonly string[], i: number): string => list[i % list.length] as string;

for (const count of [3, 1000]) {
  const table = compileRoutes(routes(count));
  // Paths that lead to a route in both tables, or the small one would say no at the first character.
  const known = paths.slice(0, count - 1);
  const rows: [string, number][] = [
    ['exact host', measure((i) => table.match('https', at(hosts, i), at(known, i)))],
    ['wildcard host', measure((i) => table.match('https', at(zones, i), at(known, i)))],
    ['no such path', measure((i) => table.match('https', 'x.example', at(strangers, i)))],
  ];
  for (const [name, nanoseconds] of rows)
    process.stdout.write(
      `${`${count} routes, ${name}`.padEnd(34)}${nanoseconds.toFixed(0).padStart(6)} ns\n`,
    );
}
for (const [name, nanoseconds] of [
  ['normalizePath, plain', measure((i) => normalizePath(at(paths, i)))],
  ['normalizePath, escapes', measure((i) => normalizePath(at(escaped, i)))],
  ['normalizeHost, plain', measure((i) => normalizeHost(at(hosts, i)))],
] as const)
  process.stdout.write(`${name.padEnd(34)}${nanoseconds.toFixed(0).padStart(6)} ns\n`);
