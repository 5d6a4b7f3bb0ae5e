/**
 * The compiled routes of a snapshot: first match in file order, at a cost that stays flat from 3 to 1 000 routes.
 * Per listener the routes are sorted into buckets by host (exact, wildcard suffix, any host), each bucket a
 * `PathTree`; a look-up asks every bucket that the host falls into and takes the least index, which is the first
 * route in file order. Immutable; a reload makes a new one.
 */
import { SluiceError } from '../kernel/errors.ts';
import {
  type Condition,
  compileConditions,
  NO_FACTS,
  type RequestFacts,
  type RouteConditions,
} from './condition.ts';
import { type HostPattern, hostMatches, parseHostPattern } from './host.ts';
import { type IndexTest, NO_ROUTE, PathTree } from './path-tree.ts';
import { type PathPattern, parsePathPattern, pathMatches } from './pattern.ts';
import { checkRedirect } from './redirect.ts';

/** What of a request a split goes by. */
export type SplitKey =
  | { readonly kind: 'client_ip' | 'path' }
  | { readonly kind: 'header' | 'cookie' | 'query'; readonly name: string };

/** What a route does; only `redirect` is looked at here (its target is checked when compiled). */
export type RouteActionOptions =
  | { readonly kind: 'pool'; readonly pool: string }
  | {
      readonly kind: 'split';
      readonly shares: readonly { readonly pool: string; readonly weight: number }[];
      /** What stays on its side. */
      readonly key: SplitKey;
    }
  | {
      readonly kind: 'redirect';
      readonly to: string;
      readonly status: number;
      readonly keepsQuery?: boolean;
    }
  | {
      readonly kind: 'respond';
      readonly status: number;
      readonly body: string | Uint8Array;
      readonly contentType: string;
    };

/** What matching needs of a route; the caller's type may carry more, and gets it back as it was. */
export interface RouteOptions {
  readonly name: string;
  /** Names of the listeners that have this route; null = all. */
  readonly listeners: readonly string[] | null;
  /** `shop.example.com`, `*.example.com`, `*`; empty = any host. */
  readonly hosts: readonly string[];
  /** `/x`, `/x/*`, `*`; empty = any path. */
  readonly paths: readonly string[];
  /** Absent or null = any request. */
  readonly conditions?: RouteConditions | null;
  readonly action: RouteActionOptions;
}

export interface RouteMatch<T> {
  readonly route: T;
  /** Its place in the file, from 0. */
  readonly index: number;
}

/** What became of one route while a request was matched. `sluice route test` prints the detail. */
export interface RouteStep {
  readonly index: number;
  readonly name: string;
  readonly outcome: 'matched' | 'other_listener' | 'other_host' | 'other_path' | 'other_request';
  readonly detail: string;
}

interface CompiledRoute<T> extends RouteMatch<T> {
  readonly hosts: readonly HostPattern[];
  readonly paths: readonly PathPattern[];
  readonly condition: Condition | null;
}

/** The routes of one listener by host. */
class HostBuckets {
  readonly #exact = new Map<string, PathTree>();
  readonly #suffixes = new Map<string, PathTree>();
  readonly #any = new PathTree();
  #longestSuffix = 0;

  add(route: CompiledRoute<unknown>): void {
    for (const host of route.hosts) {
      const tree = this.#treeFor(host);
      for (const path of route.paths) tree.add(path, route.index, route.condition !== null);
    }
  }

  #treeFor(host: HostPattern): PathTree {
    switch (host.kind) {
      case 'any':
        return this.#any;
      case 'exact':
        return treeIn(this.#exact, host.host);
      case 'suffix':
        this.#longestSuffix = Math.max(this.#longestSuffix, host.suffix.length);
        return treeIn(this.#suffixes, host.suffix);
      default:
        return host satisfies never;
    }
  }

  find(host: string, path: string, test: IndexTest<RequestFacts>, facts: RequestFacts): number {
    // hot path: bench/micro/route.ts
    let best = NO_ROUTE;
    const exact = this.#exact.get(host);
    if (exact !== undefined) best = exact.find(path, best, test, facts);
    if (this.#longestSuffix > 0) best = this.#findBySuffix(host, path, best, test, facts);
    return this.#any.find(path, best, test, facts);
  }

  /** Probes at each dot, but only as far from the end as a suffix is long: a host of 10 000 dots costs no more. */
  #findBySuffix(
    host: string,
    path: string,
    bound: number,
    test: IndexTest<RequestFacts>,
    facts: RequestFacts,
  ): number {
    let best = bound;
    let dot = host.indexOf('.', Math.max(1, host.length - this.#longestSuffix));
    while (dot > 0) {
      const tree = this.#suffixes.get(host.slice(dot));
      if (tree !== undefined) best = tree.find(path, best, test, facts);
      dot = host.indexOf('.', dot + 1);
    }
    return best;
  }
}

function treeIn(trees: Map<string, PathTree>, key: string): PathTree {
  let tree = trees.get(key);
  if (tree === undefined) {
    tree = new PathTree();
    trees.set(key, tree);
  }
  return tree;
}

export class RouteTable<T extends RouteOptions> implements IndexTest<RequestFacts> {
  readonly #routes: readonly CompiledRoute<T>[];
  readonly #hasConditions: boolean;
  readonly #byListener = new Map<string, HostBuckets>();
  /** For listeners that no route names. */
  readonly #others = new HostBuckets();

  /** Use `compileRoutes`. */
  constructor(routes: readonly CompiledRoute<T>[]) {
    this.#routes = routes;
    this.#hasConditions = routes.some((it) => it.condition !== null);
    for (const { route } of routes) {
      for (const listener of route.listeners ?? []) this.#byListener.set(listener, new HostBuckets());
    }
    for (const route of routes) {
      const listeners = route.route.listeners;
      if (listeners === null) {
        this.#others.add(route);
        for (const buckets of this.#byListener.values()) buckets.add(route);
      } else {
        for (const listener of listeners) this.#byListener.get(listener)?.add(route);
      }
    }
  }

  /** Whether any route asks for more than host and path. */
  get hasConditions(): boolean {
    return this.#hasConditions;
  }

  get size(): number {
    return this.#routes.length;
  }

  /**
   * The first route in file order that takes the request.
   *
   * @param host by `normalizeHost`; '' when the request names none (only routes for any host match).
   * @param path by `normalizePath`.
   * @param facts asked for only by routes that have conditions.
   */
  match(listener: string, host: string, path: string, facts = NO_FACTS): RouteMatch<T> | undefined {
    const buckets = this.#byListener.get(listener) ?? this.#others;
    return this.#routes[buckets.find(host, path, this, facts)];
  }

  /** Whether a request meets the conditions of the route at an index. */
  isMet(index: number, facts: RequestFacts): boolean {
    return this.#routes[index]?.condition?.isMet(facts) ?? true;
  }

  /** Every route up to the one that takes the request, and why those before it did not. Slow and plain. */
  explain(listener: string, host: string, path: string, facts = NO_FACTS): RouteStep[] {
    const steps: RouteStep[] = [];
    for (const compiled of this.#routes) {
      const step = explainOne(compiled, { listener, host, path, facts });
      steps.push(step);
      if (step.outcome === 'matched') break;
    }
    return steps;
  }
}

function explainOne(
  compiled: CompiledRoute<RouteOptions>,
  asked: { listener: string; host: string; path: string; facts: RequestFacts },
): RouteStep {
  const { route, index } = compiled;
  const { listener, host, path, facts } = asked;
  const step = (outcome: RouteStep['outcome'], detail: string): RouteStep => ({
    index,
    name: route.name,
    outcome,
    detail,
  });
  if (route.listeners !== null && !route.listeners.includes(listener)) {
    return step('other_listener', `listener ${listener} is not ${oneOf(route.listeners)}`);
  }
  if (!compiled.hosts.some((pattern) => hostMatches(pattern, host))) {
    return step('other_host', `host ${host === '' ? '(none)' : host} is not ${oneOf(route.hosts)}`);
  }
  if (!compiled.paths.some((pattern) => pathMatches(pattern, path))) {
    return step('other_path', `path ${path} is not ${oneOf(route.paths)}`);
  }
  const complaint = compiled.condition?.complaint(facts) ?? '';
  if (complaint !== '') return step('other_request', complaint);
  return step('matched', compiled.condition === null ? 'host and path match' : 'all of it matches');
}

function oneOf(names: readonly string[]): string {
  if (names.length === 0) return '(none)';
  return names.length === 1 ? `${names[0]}` : `one of ${names.join(', ')}`;
}

/**
 * Compiles the routes of a snapshot.
 *
 * @throws SluiceError `bad_host_pattern`, `bad_path_pattern`, `bad_redirect`, with the route's name in front.
 */
export function compileRoutes<T extends RouteOptions>(routes: readonly T[]): RouteTable<T> {
  return new RouteTable(routes.map(compileRoute));
}

function compileRoute<T extends RouteOptions>(route: T, index: number): CompiledRoute<T> {
  try {
    if (route.action.kind === 'redirect') checkRedirect(route.action);
    return {
      route,
      index,
      hosts: route.hosts.length === 0 ? [{ kind: 'any' }] : route.hosts.map(parseHostPattern),
      paths: route.paths.length === 0 ? [{ kind: 'prefix', path: '' }] : route.paths.map(parsePathPattern),
      condition: compileConditions(route.conditions),
    };
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    const options = error.hint === undefined ? { cause: error } : { cause: error, hint: error.hint };
    throw new SluiceError(error.code, `route ${route.name}: ${error.message}`, options);
  }
}
