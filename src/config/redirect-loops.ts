/**
 * Redirects that lead back to their own route, so that clients go round until they give up. Conservative: it warns of what is sure
 * to come back (the same host by name or left alone, at a listener that speaks what the target says), for some request at least,
 * and where no earlier route takes what comes.
 */
import type { Problem } from './diagnostic.ts';
import type { Loose, LooseListener, LooseRoute } from './loose.ts';
import type { At } from './loose-value.ts';
import { hostsAround, orAny, pathsAround } from './reach.ts';
import { targetProblem } from './schema/route.ts';
import { quote } from './units.ts';

/** Where some requests of a route come back. */
interface Back {
  /** Patterns of the hosts and the path that they come back with. */
  readonly hosts: readonly string[];
  readonly path: string;
  readonly listeners: readonly LooseListener[];
}

export function findRedirectLoops(loose: Loose): Problem[] {
  return loose.routes.flatMap((route) => {
    if (route.redirectTo === undefined) return [];
    const back = backOf(route, route.redirectTo, loose.listeners);
    const loops = back !== undefined && !isTaken(back, loose.routes.slice(0, route.index));
    return loops ? [warning(route.redirectTo)] : [];
  });
}

function warning({ text, path }: At): Problem {
  const message =
    text === 'https'
      ? 'This route stands at the listener with tls, too, where it leads to itself: clients go round. Name the others in listeners.'
      : `${quote(text)} leads back to this route: clients go round. Match less, or put a route that takes it before this one.`;
  return { severity: 'warning', path, at: 'value', message };
}

function backOf(route: LooseRoute, { text: to }: At, all: readonly LooseListener[]): Back | undefined {
  const { hosts, paths } = route;
  if (hosts === undefined || paths === undefined || !route.keepsRedirected) return undefined;
  if (targetProblem(to) !== undefined) return undefined;
  const names = route.listeners && new Set(route.listeners.map((each) => each.text));
  const listeners = all.filter((each) => !each.redirects && (names === undefined || names.has(each.name)));
  if (to === 'https') {
    const secure = all.find((each) => each.hasTls && !each.redirects);
    const isBack = secure !== undefined && listeners.includes(secure);
    return isBack ? { hosts: orAny(hosts), path: orAny(paths)[0] as string, listeners: [secure] } : undefined;
  }
  const url = /^(https?):\/\/(\[[^\]]*\]|[^/:?#]+)(?::(\d+))?(.*)$/i.exec(to);
  const path = pathBack(url === null ? to : (url[4] as string), paths);
  if (path === undefined) return undefined;
  if (url === null) return { hosts: orAny(hosts), path, listeners };
  const [, scheme = '', host = '', port] = url;
  const name = host.toLowerCase().replace(/^\[|\]$|\.$/g, '');
  // A route of any host may well send its clients to somebody else.
  if (!hosts.some((each) => each !== '*' && hostsAround(name).includes(each))) return undefined;
  const fitting = listeners.filter(
    (each) =>
      each.hasTls === (scheme.toLowerCase() === 'https') &&
      (port === undefined || each.port === Number(port)),
  );
  return { hosts: [name], path, listeners: fitting };
}

/** The pattern of what comes back of a target's path; undefined = nothing that is sure. */
function pathBack(target: string, paths: readonly string[]): string | undefined {
  const path = target.replace(/[?#].*$/s, '');
  const own = orAny(paths);
  const fits = (pattern: string): boolean => pathsAround(pattern).some((each) => own.includes(each));
  // All that is below the route's own prefix goes below this one.
  if (path.endsWith('/*') && fits(path)) return path;
  // Of `/new/*` that, when nothing is left over.
  const alone = path.replace(/\/\*$/, '') || '/';
  return fits(alone) ? alone : undefined;
}

/** Whether earlier routes take all of it, or might: their conditions are not looked at. */
function isTaken({ hosts, path, listeners }: Back, earlier: readonly LooseRoute[]): boolean {
  const paths = new Set(pathsAround(path));
  const onWay = earlier.filter(
    (each) => each.paths === undefined || orAny(each.paths).some((it) => paths.has(it)),
  );
  return listeners.every(({ name }) =>
    hosts.every((host) => {
      const around = new Set(hostsAround(host));
      return onWay.some(
        (each) =>
          (each.hosts === undefined || orAny(each.hosts).some((it) => around.has(it))) &&
          (each.listeners === undefined || each.listeners.some((it) => it.text === name)),
      );
    }),
  );
}
