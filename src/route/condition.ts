/**
 * What a route asks of a request beyond host and path: its method, fields and query. A request that does not meet it goes
 * to the next route that host and path allow.
 */

/** `value`: a text exactly; `*` = any, but it has to be there; `abc*` = begins with abc. */
export interface ValueCondition {
  /** Of a field in lower case. */
  readonly name: string;
  readonly value: string;
}

export interface RouteConditions {
  /** Any of these; empty = any. HEAD is not GET. */
  readonly methods: readonly string[];
  /** All of these, in any of the lines of that name. */
  readonly headers: readonly ValueCondition[];
  /** All of these, in any of the parameters of that name, decoded. */
  readonly queries: readonly ValueCondition[];
}

/** The request, as far as routes may ask for more than host and path. */
export interface RequestFacts {
  readonly method: string;
  /** Values of the fields of that name (lower case); empty = there is none. */
  headers(name: string): readonly string[];
  /** Values of the parameters of that name, decoded. */
  queries(name: string): readonly string[];
}

/** Of who asks by host and path alone. */
export const NO_FACTS: RequestFacts = { method: 'GET', headers: () => [], queries: () => [] };

export class Condition {
  readonly #options: RouteConditions;
  readonly #methods: ReadonlySet<string>;

  constructor(options: RouteConditions) {
    this.#options = options;
    this.#methods = new Set(options.methods);
  }

  isMet(facts: RequestFacts): boolean {
    const { headers, queries } = this.#options;
    if (this.#methods.size > 0 && !this.#methods.has(facts.method)) return false;
    for (const it of headers) if (!hasValue(facts.headers(it.name), it.value)) return false;
    for (const it of queries) if (!hasValue(facts.queries(it.name), it.value)) return false;
    return true;
  }

  /** What of it a request does not meet; '' = all is met. */
  complaint(facts: RequestFacts): string {
    const { methods, headers, queries } = this.#options;
    if (this.#methods.size > 0 && !this.#methods.has(facts.method))
      return `method ${facts.method} is not ${methods.length === 1 ? methods[0] : `one of ${methods.join(', ')}`}`;
    const missing = (
      what: string,
      list: readonly ValueCondition[],
      of: (name: string) => readonly string[],
    ) => {
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
  const { methods, headers, queries } = options;
  return methods.length + headers.length + queries.length === 0 ? null : new Condition(options);
}

function hasValue(values: readonly string[], wanted: string): boolean {
  if (wanted === '*') return values.length > 0;
  if (!wanted.endsWith('*')) return values.includes(wanted);
  const start = wanted.slice(0, -1);
  return values.some((value) => value.startsWith(start));
}
