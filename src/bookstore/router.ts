/** Which handler answers: a table of patterns, each with its methods. HEAD goes with GET, OPTIONS with all. */
import { type Answer, type Call, type Handler, requireJsonAccepted } from './call.ts';
import { Problem } from './problem.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Route {
  /** `/books/{id}`: `{id}` is a whole number; everything else is literal. Also the route's name in metrics. */
  readonly pattern: string;
  readonly methods: Readonly<Partial<Record<Method, Handler>>>;
  /** It answers something else than JSON, so that Accept is not held against it. */
  readonly isRaw?: boolean;
}

export interface Match {
  readonly route: Route;
  readonly id: number;
}

// No leading zero, so that a book has one URL.
const ID = /^[1-9]\d{0,14}$/;

export class Router {
  readonly #literal = new Map<string, Route>();
  /** By what follows the id: '' or '/purchase'. All begin with '/books/'. */
  readonly #byId = new Map<string, Route>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const [, suffix] = route.pattern.split('/books/{id}');
      if (suffix === undefined) this.#literal.set(route.pattern, route);
      else this.#byId.set(suffix, route);
    }
  }

  match(path: string): Match | undefined {
    const route = this.#literal.get(path);
    if (route) return { route, id: 0 };
    if (!path.startsWith('/books/')) return undefined;
    const slash = path.indexOf('/', 7);
    const text = slash === -1 ? path.slice(7) : path.slice(7, slash);
    const byId = this.#byId.get(slash === -1 ? '' : path.slice(slash));
    return byId && ID.test(text) ? { route: byId, id: Number(text) } : undefined;
  }
}

export function allowedMethods(route: Route): string {
  const methods = Object.keys(route.methods);
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
}

function isMethod(text: string): text is Method {
  return ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(text);
}

/** Throws 405 and 406. */
export function runRoute(route: Route, call: Call): Answer | Promise<Answer | 'streamed'> {
  if (call.method === 'OPTIONS') return optionsAnswer(route);
  const method = call.method === 'HEAD' ? 'GET' : call.method;
  const handler = isMethod(method) ? route.methods[method] : undefined;
  if (!handler) {
    const allow = allowedMethods(route);
    throw new Problem(405, 'method_not_allowed', `${call.method} is not for ${route.pattern}; use ${allow}`, {
      headers: { allow },
    });
  }
  if (route.isRaw !== true) requireJsonAccepted(call);
  return handler(call);
}

function optionsAnswer(route: Route): Answer {
  const headers: Record<string, string> = { allow: allowedMethods(route) };
  if (route.methods.PATCH) headers['accept-patch'] = 'application/merge-patch+json, application/json';
  return { status: 204, headers };
}
