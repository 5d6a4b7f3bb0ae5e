/**
 * Routes that can never match because earlier ones take everything that they would. Conservative: only what one
 * earlier route takes whole, for each pair of a host and a path, counts.
 */

import { type Path, type Problem, pathText } from './diagnostic.ts';
import type { Loose, LooseRoute } from './loose.ts';

/** All patterns of hosts that match every host that `pattern` matches, itself included; in lower case. */
export function hostsAround(pattern: string): string[] {
  if (pattern === '*') return ['*'];
  const around = ['*', pattern];
  const narrow = pattern.startsWith('*') ? pattern.slice(1) : pattern;
  // `*.a.com` has every name below a.com, and so all that `*.b.a.com` has
  for (let dot = narrow.indexOf('.', 1); dot > 0; dot = narrow.indexOf('.', dot + 1))
    around.push(`*${narrow.slice(dot)}`);
  return around;
}

/** All patterns of paths that match every path that `pattern` matches, itself included. */
export function pathsAround(pattern: string): string[] {
  if (pattern === '*') return ['*', '/*'];
  const around = ['*', '/*', pattern];
  const narrow = pattern.endsWith('/*') ? pattern.slice(0, -2) : pattern;
  around.push(`${narrow}/*`);
  for (let slash = narrow.indexOf('/', 1); slash > 0; slash = narrow.indexOf('/', slash + 1))
    around.push(`${narrow.slice(0, slash)}/*`);
  return around;
}

export const orAny = (patterns: readonly string[]): readonly string[] =>
  patterns.length === 0 ? ['*'] : patterns;

/** Routes by what they take whole: looked up, since comparing each with all before it takes a thousand routes 25 ms. */
class Earlier {
  /** `host path` -> routes in their order. */
  readonly #byPair = new Map<string, LooseRoute[]>();

  add(route: LooseRoute): void {
    if (route.hosts === undefined || route.paths === undefined || route.isConditional) return;
    for (const host of orAny(route.hosts))
      for (const path of orAny(route.paths)) {
        const known = this.#byPair.get(`${host} ${path}`);
        if (known === undefined) this.#byPair.set(`${host} ${path}`, [route]);
        else known.push(route);
      }
  }

  /** The first one that takes everything of `route` that has this host and this path. */
  firstAround(route: LooseRoute, host: string, path: string): LooseRoute | undefined {
    let first: LooseRoute | undefined;
    const paths = pathsAround(path);
    for (const outerHost of hostsAround(host))
      for (const outerPath of paths) {
        const found = this.#byPair.get(`${outerHost} ${outerPath}`)?.find((it) => isEverywhere(it, route));
        if (found !== undefined && (first === undefined || found.index < first.index)) first = found;
      }
    return first;
  }
}

/** Whether `earlier` stands at every listener of `route`. */
function isEverywhere(earlier: LooseRoute, route: LooseRoute): boolean {
  if (earlier.listeners === undefined) return true;
  const names = new Set(earlier.listeners.map((each) => each.text));
  return route.listeners?.every((each) => names.has(each.text)) ?? false;
}

/** The first earlier routes that together take all that `route` would match, or undefined. */
function coveredBy(route: LooseRoute, earlier: Earlier): readonly LooseRoute[] | undefined {
  if (route.hosts === undefined || route.paths === undefined) return undefined;
  const found = new Set<LooseRoute>();
  for (const host of orAny(route.hosts)) {
    for (const path of orAny(route.paths)) {
      const one = earlier.firstAround(route, host, path);
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
  const earlier = new Earlier();
  for (const route of loose.routes) {
    const by = coveredBy(route, earlier);
    earlier.add(route);
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
