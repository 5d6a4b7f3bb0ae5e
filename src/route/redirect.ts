/**
 * Where a redirecting route or listener sends the client. `to` is one of
 * - `https`: the same host, path and query on the TLS listener;
 * - `/new`: that path on the same scheme and host, as it stands (the rest of a `/old/*` match is not appended);
 * - `https://other.example/new`: that URL.
 * The query of the request is kept unless `to` has one of its own. Whatever the request holds, the result has only
 * visible ASCII: no CR or LF can get from a target into the Location line.
 */
import { SluiceError } from '../kernel/errors.ts';
import { escapeByte } from './path.ts';

export interface RedirectOptions {
  readonly to: string;
  readonly status: number;
  /** The port of the TLS listener for `to: https`; 443 when absent. */
  readonly httpsPort?: number;
}

/** What a redirect needs to know of the request. */
export interface RedirectRequest {
  /** Host or `:authority` as it came, checked by the parser; '' when there was none. */
  readonly host: string;
  /** Path and query as they came (origin-form), or `*`. */
  readonly target: string;
}

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
  if (to.startsWith('/') && !to.startsWith('//')) return;
  if (/^https?:\/\//.test(to) && URL.canParse(to)) return;
  throw badRedirect(`cannot redirect to "${to}"`, 'Write `https`, a path (`/new`) or a URL (`https://…`).');
}

function badRedirect(message: string, hint: string): SluiceError {
  return new SluiceError('bad_redirect', message, { hint });
}

/**
 * The value of Location. Undefined when there is no host to upgrade (HTTP/1.0 without Host): the caller
 * answers 400.
 */
export function redirectLocation(redirect: RedirectOptions, request: RedirectRequest): string | undefined {
  if (redirect.to !== 'https') return withQueryOf(request.target, redirect.to);
  const host = hostWithoutPort(request.host);
  if (host === '' || !/^(?:[a-zA-Z0-9._~!$&'()*+,;=%-]+|\[[0-9a-fA-F:.]+\])$/.test(host)) return undefined;
  const port = redirect.httpsPort ?? 443;
  const target = request.target.startsWith('/') ? escapeInvisible(request.target) : '/';
  return `https://${host}${port === 443 ? '' : `:${port}`}${target}`;
}

/** Between path and fragment, where a query belongs. */
function withQueryOf(target: string, to: string): string {
  const mark = target.indexOf('?');
  if (mark < 0 || to.includes('?')) return to;
  const hash = to.indexOf('#');
  const end = hash < 0 ? to.length : hash;
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
