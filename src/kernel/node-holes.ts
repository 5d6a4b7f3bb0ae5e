/**
 * Which versions of Node must not face strangers: those with known holes in http, http2 or tls, the modules that the data path
 * and the admin API stand on. One table; a security release of Node is one changed line in it.
 */

/** From which version on a line of Node is whole; null = nobody mends that line any more. */
const LINES: ReadonlyMap<number, string | null> = new Map([
  [24, '24.18.1'],
  [25, null],
  [26, '26.5.1'],
]);

/** What those releases closed, for whoever wants to know how bad it is (nodejs.org, security releases of June and July 2026). */
const CLOSED =
  'CVE-2026-48931 (http), CVE-2026-48937 and CVE-2026-56846 (http2), CVE-2026-48928 and CVE-2026-56850 (tls)';

/**
 * What to say about running on this version; undefined = nothing is known against it. Lines that are newer than the table
 * are not doubted.
 * @param version as in `process.versions.node`
 */
export function nodeWarning(version: string): string | undefined {
  const numbers = numbersOf(version);
  const major = numbers[0] ?? 0;
  const newest = Math.max(...LINES.keys());
  if (major > newest) return undefined;
  const fixedIn = LINES.get(major) ?? null;
  if (fixedIn !== null && !isOlder(numbers, numbersOf(fixedIn))) return undefined;
  const known = [...LINES.values()].filter((it) => it !== null);
  const wanted = fixedIn === null ? known.join(' or ') : fixedIn;
  const why = fixedIn === null ? ', and its line gets no fixes any more' : '';
  return `Node ${version} has known holes in http, http2 and tls, such as ${CLOSED}${why}. Install Node ${wanted} or newer, or name one in SLUICE_NODE, and start again.`;
}

/** A pre-release counts as its release. */
function numbersOf(version: string): number[] {
  return version
    .replace(/^v/, '')
    .split(/[.+-]/, 3)
    .map((part) => Number(part) || 0);
}

function isOlder(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < 3; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
