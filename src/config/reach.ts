/**
 * Routes that can never match because earlier ones take everything that they would. Conservative: only what one
 * earlier route takes whole, for each pair of a host and a path, counts.
 */

import { type Path, type Problem, pathText } from './diagnostic.ts';
import type { Loose, LooseRoute } from './loose.ts';

/** Whether every host that `inner` matches is matched by `outer`; both in lower case. */
export function hostCovers(outer: string, inner: string): boolean {
  if (outer === '*' || outer === inner) return true;
  if (inner === '*' || !outer.startsWith('*.')) return false;
  // `*.a.com` has every name below a.com, and so all that `*.b.a.com` has
  const suffix = outer.slice(1);
  const narrow = inner.startsWith('*') ? inner.slice(1) : inner;
  return narrow.endsWith(suffix) && narrow !== suffix;
}

/** Whether every path that `inner` matches is matched by `outer`. */
export function pathCovers(outer: string, inner: string): boolean {
  if (outer === '*' || outer === '/*' || outer === inner) return true;
  if (!outer.endsWith('/*') || inner === '*') return false;
  const stem = outer.slice(0, -2);
  const narrow = inner.endsWith('/*') ? inner.slice(0, -2) : inner;
  return narrow === stem || narrow.startsWith(`${stem}/`);
}

const orAny = (patterns: readonly string[]): readonly string[] => (patterns.length === 0 ? ['*'] : patterns);

function covers(earlier: LooseRoute, route: LooseRoute, host: string, path: string): boolean {
  if (earlier.hosts === undefined || earlier.paths === undefined || earlier.isConditional) return false;
  if (earlier.listeners !== undefined) {
    const names = new Set(earlier.listeners.map((each) => each.text));
    if (route.listeners === undefined || !route.listeners.every((each) => names.has(each.text))) return false;
  }
  return (
    orAny(earlier.hosts).some((outer) => hostCovers(outer, host)) &&
    orAny(earlier.paths).some((outer) => pathCovers(outer, path))
  );
}

/** The first earlier routes that together take all that `route` would match, or undefined. */
function coveredBy(route: LooseRoute, earlier: readonly LooseRoute[]): readonly LooseRoute[] | undefined {
  if (route.hosts === undefined || route.paths === undefined) return undefined;
  const found = new Set<LooseRoute>();
  for (const host of orAny(route.hosts)) {
    for (const path of orAny(route.paths)) {
      const one = earlier.find((each) => covers(each, route, host, path));
      if (one === undefined) return undefined;
      found.add(one);
    }
  }
  return [...found].sort((a, b) => a.index - b.index);
}

function label(route: LooseRoute): string {
  return `${pathText(route.path)}${route.name === undefined ? '' : ` ${JSON.stringify(route.name)}`}`;
}

/** @param lineOf the line of a path, for the route that is in the way. */
export function findUnreachable(loose: Loose, lineOf: (path: Path) => number): Problem[] {
  const problems: Problem[] = [];
  for (const route of loose.routes) {
    const by = coveredBy(route, loose.routes.slice(0, route.index));
    if (by === undefined) continue;
    const names = by.map((each) => `${label(each)} (line ${lineOf(each.path)})`).join(' and ');
    const verb = by.length === 1 ? 'takes' : 'take';
    const all = isCatchAll(by) ? 'everything' : 'all that it would';
    problems.push({
      severity: 'warning',
      path: route.path,
      at: 'value',
      shown: [],
      message: `${label(route)} can never match: ${names} ${verb} ${all} first.`,
    });
  }
  return problems;
}

function isCatchAll(routes: readonly LooseRoute[]): boolean {
  const [only] = routes;
  if (routes.length !== 1 || only === undefined) return false;
  return (
    orAny(only.hosts ?? []).includes('*') &&
    orAny(only.paths ?? []).some((path) => path === '*' || path === '/*')
  );
}
