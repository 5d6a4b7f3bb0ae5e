/**
 * Another path for the server than the client asked for, and back: a server that lives below `/` sends its redirects and cookies
 * for `/`, its clients know it below the prefix that was taken off. Pure.
 */
export interface RewriteOptions {
  /** Taken off the path's start, whole segments only; '' = nothing. Begins with a slash and does not end with one. */
  readonly stripPrefix: string;
  /** Put before what is left; '' = nothing. */
  readonly addPrefix: string;
}

/**
 * The target for the server.
 * @param path the path in normal form, which is what goes on: never bytes that were only half understood
 * @param target as it was asked for; its query is kept as it is
 */
export function rewriteTarget(
  { stripPrefix, addPrefix }: RewriteOptions,
  path: string,
  target: string,
): string {
  if (!path.startsWith('/')) return target;
  const mark = target.indexOf('?');
  const query = mark < 0 ? '' : target.slice(mark);
  return `${withPrefix(addPrefix, withoutPrefix(stripPrefix, path))}${query}`;
}

/**
 * Path or URL of a `Location` or `Content-Location`, as the client has to ask for it. Other hosts' stay as they are; one that
 * names the server itself, whom the client cannot reach, becomes a path.
 * @param authority what the client calls us @param servers what the server may call itself
 */
export function rewriteLocation(
  options: RewriteOptions,
  location: string,
  authority: string,
  servers: readonly string[],
): string {
  const url = /^((https?):\/\/([^/?#]*))([^?#]*)(.*)$/is.exec(location);
  if (url) {
    const [, origin = '', scheme = '', host = '', path = '', rest = ''] = url;
    const name = (of: string): string => withoutPort(of, scheme);
    const moved = `${oneSlash(back(options, oneSlash(path === '' ? '/' : path)))}${rest}`;
    if (name(host) === name(authority)) return `${origin}${moved}`;
    return servers.some((it) => name(it) === name(host)) ? moved : location;
  }
  // A path below this one, a query or a fragment means the same to both; browsers take a backslash for a slash.
  if (!location.startsWith('/') || /^\/[/\\]/.test(location)) return location;
  const end = location.search(/[?#]/);
  const path = end < 0 ? location : location.slice(0, end);
  return `${oneSlash(back(options, path))}${end < 0 ? '' : location.slice(end)}`;
}

/** What begins with two slashes would be another host. */
function oneSlash(path: string): string {
  return path.replace(/^[/\\]+/, '/');
}

function withoutPort(authority: string, scheme: string): string {
  const usual = scheme.toLowerCase() === 'https' ? ':443' : ':80';
  const name = authority.toLowerCase();
  return name.endsWith(usual) ? name.slice(0, -usual.length) : name;
}

/** The value of a `Set-Cookie`, its Path as the client's (RFC 6265 section 5.2.4). */
export function rewriteCookiePath(options: RewriteOptions, value: string): string {
  // That name promises the path / (RFC 6265bis section 4.1.3.2): with another one browsers would refuse it.
  if (/^__host-/i.test(value)) return value;
  return value.replace(/(;[ \t]*path[ \t]*=[ \t]*)(\/[^;]*)/gi, (_all, key: string, path: string) => {
    const moved = back(options, path.trimEnd());
    // `/api` matches /api and all below it, `/api/` not /api itself.
    return `${key}${moved.length > 1 && moved.endsWith('/') && path.trimEnd() === '/' ? moved.slice(0, -1) : moved}`;
  });
}

const MOVED = /^(location|content-location|set-cookie):[ \t]*(.*)$/i;

/** The fields of an answer, with places and cookies as the client has to know them. */
export function rewriteAnswer(
  options: RewriteOptions,
  lines: string,
  authority: string,
  servers: readonly string[],
): string {
  if (!/^(?:location|content-location|set-cookie):/im.test(lines)) return lines;
  return lines
    .split('\r\n')
    .map((line) => {
      const [, name = '', value = ''] = MOVED.exec(line) ?? [];
      if (name === '') return line;
      const isCookie = name.toLowerCase() === 'set-cookie';
      const moved = isCookie
        ? rewriteCookiePath(options, value)
        : rewriteLocation(options, value, authority, servers);
      return `${name}: ${moved}`;
    })
    .join('\r\n');
}

/** From the server's path to the client's. What is not below `addPrefix` cannot be asked for by the client: it stays. */
function back({ stripPrefix, addPrefix }: RewriteOptions, path: string): string {
  if (addPrefix !== '' && !isBelow(addPrefix, path)) return path;
  return withPrefix(stripPrefix, withoutPrefix(addPrefix, path));
}

function isBelow(prefix: string, path: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

function withoutPrefix(prefix: string, path: string): string {
  if (prefix === '' || !isBelow(prefix, path)) return path;
  return path.length === prefix.length ? '/' : path.slice(prefix.length);
}

/** `/` below a prefix is the prefix itself only if nothing is lost by it: a server may tell `/x` from `/x/`. */
function withPrefix(prefix: string, path: string): string {
  return prefix === '' ? path : `${prefix}${path}`;
}
