/**
 * Which pages of other origins may use a route (CORS: fetch.spec.whatwg.org, section "HTTP-CORS protocol"). Pure. It protects users of
 * browsers, not the servers: who is no browser sends what it likes.
 */
import { fieldValue, isToken } from '../http/index.ts';

export interface CorsOptions {
  /** `https://shop.example.com`, `https://*.example.com` for every name below it, or `*`. In lower case. */
  readonly origins: readonly string[];
  /** `*` = any. */
  readonly methods: readonly string[];
  /** Names in lower case; `*` = any. */
  readonly headers: readonly string[];
  /** Fields of answers that scripts may read beside the usual ones. */
  readonly expose: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeS: number;
}

/** What servers say of it is not passed on: two answers to one question are none. In lower case. */
export const CORS_FIELDS = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-max-age',
] as const;

const HOST = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/;

/** Of an exact origin, or of one with a wildcard. */
export function originMatches(pattern: string, origin: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === origin;
  const before = pattern.slice(0, star);
  const after = pattern.slice(star + 1);
  if (origin.length <= before.length + after.length) return false;
  if (!origin.startsWith(before) || !origin.endsWith(after)) return false;
  // What the star stands for is names of hosts and nothing else.
  return HOST.test(origin.slice(before.length, origin.length - after.length));
}

export class Cors {
  readonly #exact: ReadonlySet<string>;
  readonly #patterns: readonly string[];
  readonly #isAnyone: boolean;
  readonly #options: CorsOptions;
  /** Behind the origin, in every answer. */
  readonly #common: string;

  constructor(options: CorsOptions) {
    const { origins, credentials, expose } = options;
    this.#options = options;
    this.#isAnyone = origins.includes('*');
    this.#exact = new Set(origins.filter((it) => !it.includes('*')));
    this.#patterns = origins.filter((it) => it.includes('*') && it !== '*');
    const allows = credentials ? 'Access-Control-Allow-Credentials: true\r\n' : '';
    this.#common =
      expose.length === 0 ? allows : `${allows}Access-Control-Expose-Headers: ${expose.join(', ')}\r\n`;
  }

  /** Lines for whatever the request with these field lines is answered. */
  linesFor(fields: string): string {
    if (this.#isAnyone) return `Access-Control-Allow-Origin: *\r\n${this.#common}`;
    const origin = fieldValue(fields, 'origin');
    // Caches must not give one origin's answer to another, nor to who has none.
    if (origin === undefined || !this.#allows(origin)) return 'Vary: Origin\r\n';
    return `Access-Control-Allow-Origin: ${origin}\r\n${this.#common}Vary: Origin\r\n`;
  }

  /**
   * Further lines of the answer to a preflight; null = the request is none.
   * @param fields its field lines
   */
  preflight(method: string, fields: string): string | null {
    if (method !== 'OPTIONS') return null;
    const origin = fieldValue(fields, 'origin');
    const asked = fieldValue(fields, 'access-control-request-method');
    if (origin === undefined || asked === undefined) return null;
    const vary = 'Vary: Access-Control-Request-Method, Access-Control-Request-Headers\r\n';
    if (!this.#isAnyone && !this.#allows(origin)) return vary;
    const { maxAgeS } = this.#options;
    return `${this.#methodsLine(asked)}${this.#headersLine(fields)}Access-Control-Max-Age: ${maxAgeS}\r\n${vary}`;
  }

  #allows(origin: string): boolean {
    return this.#exact.has(origin) || this.#patterns.some((pattern) => originMatches(pattern, origin));
  }

  #methodsLine(asked: string): string {
    const { methods } = this.#options;
    const named = methods.includes('*') ? (isToken(asked) ? asked : '') : methods.join(', ');
    return named === '' ? '' : `Access-Control-Allow-Methods: ${named}\r\n`;
  }

  /** With credentials a star means nothing to browsers, so what was asked for is named. */
  #headersLine(fields: string): string {
    const { headers } = this.#options;
    if (!headers.includes('*'))
      return headers.length === 0 ? '' : `Access-Control-Allow-Headers: ${headers.join(', ')}\r\n`;
    const asked = (fieldValue(fields, 'access-control-request-headers') ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => isToken(name));
    return asked.length === 0 ? '' : `Access-Control-Allow-Headers: ${asked.join(', ')}\r\n`;
  }
}
