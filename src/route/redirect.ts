/**
 * Where a redirecting route or listener sends the client. `to` is one of
 * - `https`: the same host, path and query on the TLS listener;
 * - `/new`: that path on the same scheme and host, as it stands;
 * - `/new/*`: the same with what the route's `/old/*` has left over of the path, in normal form;
 * - `https://other.example/new`, `https://other.example/*`: that URL, in the same way.
 * The query of the request is kept unless `to` has one of its own. Whatever the request holds, the result has only
 * visible ASCII, so no CR or LF can get from a target into the Location line; and what it has left over begins with one
 * slash that stands behind `to`, so no request can name another host.
 */
import { SluiceError } from '../kernel/errors.ts';
import { escapeByte } from './path.ts';
import { type PathPattern, pathMatches } from './pattern.ts';

export interface RedirectOptions {
  readonly to: string;
  readonly status: number;
  /** The port of the TLS listener for `to: https`; 443 when absent. */
  readonly httpsPort?: number;
  /** Whether the query of the request goes along, where `to` has none; true when absent. */
  readonly keepsQuery?: boolean;
}

/** What a redirect needs to know of the request. */
export interface RedirectRequest {
  /** Host or `:authority` as it came, checked by the parser; '' when there was none. */
  readonly host: string;
  /** Path and query as they came (origin-form), or `*`. */
  readonly target: string;
  /** The path in normal form; asked for where `to` ends with `*`. */
  readonly path?: string;
}

/** `*` at the end of the path in `to`, after a slash: `/*`, `/new/*?a=b`, `https://other.example/*`. */
const REST = /\/\*(?=$|[?#])/;

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** @throws SluiceError `bad_redirect` when the target or status could not make a correct answer. */
export function checkRedirect(redirect: { readonly to: string; readonly status: number }): void {
  const { to, status } = redirect;
  if (!REDIRECT_STATUSES.has(status)) {
    throw badRedirect(`${status} is not a redirect`, 'Use 301, 302, 303, 307 or 308.');
  }
  if (to === 'https') return;
  if (/[^\x21-\x7e]/.test(to)) {
    throw badRedirect(`"${to}" holds a space or a character beyond ASCII`, 'Escape it: a space is %20.');
  }
  if (to.replace(REST, '').includes('*')) {
    throw badRedirect(`"${to}" has a "*" in its midst`, 'It stands only at the end of the path: /new/*.');
  }
  // Browsers take a backslash for a slash.
  if (/^\/(?![/\\])/.test(to)) return;
  if (/^https?:\/\//.test(to) && URL.canParse(to) && !/^https?:\/\/[/*?#]/.test(to)) return;
  throw badRedirect(`cannot redirect to "${to}"`, 'Write `https`, a path (`/new`) or a URL (`https://…`).');
}

function badRedirect(message: string, hint: string): SluiceError {
  return new SluiceError('bad_redirect', message, { hint });
}

/**
 * The value of Location. Undefined when there is no host to upgrade (HTTP/1.0 without Host): the caller
 * answers 400.
 * @param paths what the route matches: what is below the first that fits goes to the place of `*`; empty = any path
 */
export function redirectLocation(
  redirect: RedirectOptions,
  request: RedirectRequest,
  paths: readonly PathPattern[] = [],
): string | undefined {
  const keepsQuery = redirect.keepsQuery ?? true;
  if (redirect.to !== 'https') {
    const to = withRest(redirect.to, request.path ?? '', paths);
    return keepsQuery ? withQueryOf(request.target, to) : to;
  }
  const host = hostWithoutPort(request.host);
  if (host === '' || !/^(?:[a-zA-Z0-9._~!$&'()*+,;=%-]+|\[[0-9a-fA-F:.]+\])$/.test(host)) return undefined;
  const port = redirect.httpsPort ?? 443;
  const target = request.target.startsWith('/') ? escapeInvisible(request.target) : '/';
  const mark = keepsQuery ? -1 : target.indexOf('?');
  return `https://${host}${port === 443 ? '' : `:${port}`}${mark < 0 ? target : target.slice(0, mark)}`;
}

/** `to` with the rest of the path in the place of its `*`. */
function withRest(to: string, path: string, paths: readonly PathPattern[]): string {
  const at = to.search(REST);
  if (at < 0) return to;
  const rest = restOf(path, paths);
  // A path has at least its slash.
  const isBare = at === 0 || /^https?:\/\/[^/]*$/.test(to.slice(0, at));
  return `${to.slice(0, at)}${rest === '' && isBare ? '/' : rest}${to.slice(at + 2)}`;
}

/**
 * What a path has below its pattern: '', or a text that begins with one slash. Counted in segments: of the same path one
 * spelling may be longer than another, but no escape is a slash in the normal form.
 */
function restOf(path: string, paths: readonly PathPattern[]): string {
  if (!path.startsWith('/')) return '';
  const pattern = paths.find((it) => pathMatches(it, path));
  if (pattern === undefined) return path;
  if (pattern.kind === 'exact') return '';
  let at = 0;
  for (let segments = pattern.path.split('/').length - 1; segments > 0 && at >= 0; segments--)
    at = path.indexOf('/', at + 1);
  return at < 0 ? '' : path.slice(at);
}

/** Between path and fragment, where a query belongs. */
function withQueryOf(target: string, to: string): string {
  const mark = target.indexOf('?');
  const hash = to.indexOf('#');
  const end = hash < 0 ? to.length : hash;
  if (mark < 0 || to.slice(0, end).includes('?')) return to;
  return to.slice(0, end) + escapeInvisible(target.slice(mark)) + to.slice(end);
}

function hostWithoutPort(host: string): string {
  const colon = host.lastIndexOf(':');
  return colon > host.lastIndexOf(']') ? host.slice(0, colon) : host;
}

/** Controls, spaces and bytes from 0x7f as escapes (latin1: one char is one byte); the rest as it is. */
function escapeInvisible(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, (char) => escapeByte(char.charCodeAt(0) & 0xff));
}
