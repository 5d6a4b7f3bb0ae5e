/**
 * What a route asks of a request beyond host and path: its method, fields, query, client, and patterns of the path. A request that does not meet it goes
 * to the next route that host and path allow.
 */

import { compileLinearPattern, type LinearPattern } from '../kernel/linear-pattern.ts';
import type { NamedValue } from '../kernel/named-value.ts';
import { type Address, CidrSet } from '../limit/index.ts';
import { foldPath } from './pattern.ts';

export interface RouteConditions {
  /** Addresses and blocks, any of these; empty = any client. */
  readonly clients: readonly string[];
  /** Linear-time patterns that begin with `^`, any of these; empty = any path. */
  readonly patterns: readonly string[];
  /** Any of these; empty = any. HEAD is not GET. */
  readonly methods: readonly string[];
  /**
   * All of these, in any of the lines of that name (lower case). A value is a text exactly; `*` = any, but it has to be there;
   * `abc*` = begins with abc.
   */
  readonly headers: readonly NamedValue[];
  /** All of these, in any of the parameters of that name, decoded. */
  readonly queries: readonly NamedValue[];
}

/** The request, as far as routes may ask for more than host and path. */
export interface RequestFacts {
  readonly method: string;
  /** In normal form. */
  readonly path: string;
  /** undefined for one without an address. */
  readonly client: Address | undefined;
  /** Values of the fields of that name (lower case); empty = there is none. */
  headers(name: string): readonly string[];
  /** Values of the parameters of that name, decoded. */
  queries(name: string): readonly string[];
}

/** Of who asks by host and path alone. */
export const NO_FACTS: RequestFacts = {
  method: 'GET',
  path: '',
  client: undefined,
  headers: () => [],
  queries: () => [],
};

export class Condition {
  readonly #options: RouteConditions;
  readonly #methods: ReadonlySet<string>;
  readonly #clients: CidrSet;
  readonly #patterns: readonly LinearPattern[];

  constructor(options: RouteConditions) {
    this.#options = options;
    this.#methods = new Set(options.methods);
    this.#clients = new CidrSet(options.clients);
    this.#patterns = options.patterns.map(compilePattern);
  }

  isMet(facts: RequestFacts): boolean {
    const { headers, queries } = this.#options;
    if (this.#methods.size > 0 && !this.#methods.has(facts.method)) return false;
    if (!this.#clients.isEmpty && !this.#clients.has(facts.client)) return false;
    if (this.#patterns.length > 0 && !this.#fitsPattern(facts.path)) return false;
    for (const it of headers) if (!hasValue(facts.headers(it.name), it.value)) return false;
    for (const it of queries) if (!hasValue(facts.queries(it.name), it.value)) return false;
    return true;
  }

  /** As prefixes do, patterns take `%40` for the `@` that servers read it as. */
  #fitsPattern(path: string): boolean {
    const folded = path.includes('%') ? foldPath(path) : path;
    return this.#patterns.some((it) => it.test(folded));
  }

  /** What of it a request does not meet; '' = all is met. */
  complaint(facts: RequestFacts): string {
    const { methods, headers, queries, clients, patterns } = this.#options;
    if (this.#methods.size > 0 && !this.#methods.has(facts.method))
      return `method ${facts.method} is not ${methods.length === 1 ? methods[0] : `one of ${methods.join(', ')}`}`;
    if (!this.#clients.isEmpty && !this.#clients.has(facts.client))
      return `the client’s address is not in ${clients.join(', ')}`;
    if (this.#patterns.length > 0 && !this.#fitsPattern(facts.path))
      return `path ${facts.path} does not fit ${patterns.join(' or ')}`;
    const missing = (what: string, list: readonly NamedValue[], of: (name: string) => readonly string[]) => {
      const found = list.find((it) => !hasValue(of(it.name), it.value));
      if (found === undefined) return '';
      const values = of(found.name);
      const wanted = found.value === '*' ? 'anything' : `"${found.value}"`;
      const is = values.length === 0 ? 'is not there' : `is "${values.join('", "')}"`;
      return values.length === 0
        ? `${what} ${found.name} ${is}`
        : `${what} ${found.name} ${is}, not ${wanted}`;
    };
    return (
      missing('header', headers, (name) => facts.headers(name)) ||
      missing('query', queries, (name) => facts.queries(name))
    );
  }
}

/** null = nothing is asked. */
export function compileConditions(options: RouteConditions | null | undefined): Condition | null {
  if (!options) return null;
  return Object.values(options).every((part: readonly unknown[]) => part.length === 0)
    ? null
    : new Condition(options);
}

/**
 * All of a pattern begins where the path does: `^/a|/b` is `^(?:/a|/b)`, so that no alternative matches in the middle of a path.
 * @throws RangeError with what is wrong with it
 */
export function compilePattern(text: string): LinearPattern {
  if (!text.startsWith('^/') && !text.startsWith('^(')) throw new RangeError('does not begin with ^/');
  return compileLinearPattern(`^(?:${text.slice(1)})`);
}

function hasValue(values: readonly string[], wanted: string): boolean {
  if (wanted === '*') return values.length > 0;
  if (!wanted.endsWith('*')) return values.includes(wanted);
  const start = wanted.slice(0, -1);
  return values.some((value) => value.startsWith(start));
}
