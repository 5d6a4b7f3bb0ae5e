/**
 * What users of other proxies rely on, by number: each has a test whose title names it, such as `… (B28)`. A number that no test
 * names yet needs a reason here.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** B1 to B68, in a few words. */
const BEHAVIOURS: readonly string[] = [
  // Forwarding
  'bodies of a MiB and a GiB both ways, memory flat',
  'back-pressure between a slow side and a fast one',
  'a client that aborts ends the request to the server, counted 499',
  'a server that aborts never makes a whole answer',
  'events of a stream arrive one by one',
  'heads do not wait for bodies',
  'trailers, HTTP/1.1 and HTTP/2',
  '1xx pass, but not to HTTP/1.0',
  'HEAD, 204, 304, 205',
  'Range and If-* untouched',
  '100-continue both ways, early 413',
  'order, case and number of unknown fields',
  'Forwarded, X-Forwarded-*: who is believed, what is added',
  'Host: preserve, rewrite, literal',
  'Location and Set-Cookie on the way back',
  'prefixes stripped, added, replaced',
  'queries untouched',
  'all of these over h1-h1, h1-h2, h2-h1, h2-h2',
  // Choice of a server
  'round robin exact, weights smooth, weight 0',
  'least connections with a slow server',
  'hashes: same key same server, few keys move',
  'two choices',
  'caps: queued, then 503 with Retry-After',
  'backups only when all primaries are down',
  'slow start',
  'all down: 503 at once, or panic',
  'DNS changes followed, failures keep the last answer',
  // Sticky
  'the cookie: once, opaque, its attributes',
  'its server is down: moved and set again',
  'draining keeps old sessions',
  'forged cookies ignored',
  'survives reloads',
  // Health
  'checks: rise, fall, timeout, status, body, port',
  'results survive a reload',
  'ejection by errors, bounded',
  'aborts and statuses of clients never count',
  'one address in two pools is two servers',
  'flapping servers',
  // Retry
  'refused: the next server, each once',
  'what was sent is repeated only where that is harmless',
  'never once the answer has begun',
  'retry budget and total time',
  'stale connections cost no request',
  'large bodies are not repeated',
  'WebSocket handshakes only before the 101',
  // WebSocket, HTTP/2, TLS
  'tunnels: half-close, large frames, reloads',
  'WebSocket over HTTP/2 (RFC 8441)',
  'frames of HTTP/2 that break the rules',
  'HTTP/2: floods, GOAWAY, crumbs of cookies, lengths',
  'TLS: names, reload, versions, verification',
  'PROXY protocol in',
  // Limits
  'rate limits exact',
  'limits of connections and of what is in flight',
  'timeouts of all phases',
  'slow clients',
  // Configuration and admin
  'a hundred reloads under load',
  'a bad file is refused with its place',
  'files replaced by rename and by link',
  'listeners come and go',
  'two reloads at once',
  'the admin API: roles, origins, secrets',
  'counters go on over reloads, a line for every request',
  // Process
  'SIGTERM, and a second one',
  'a dead thread costs only what it had',
  'no more descriptors',
  'everything at once for a long time',
  'one request never ends the process',
  'the wall clock jumps',
];

const TITLE = /\btest\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;

/** Number to the files whose titles name it. */
function namedNumbers(): Map<number, string[]> {
  const named = new Map<number, string[]>();
  for (const file of globSync('test/**/*.test.ts', { cwd: ROOT }).sort()) {
    for (const [, , title = ''] of readFileSync(join(ROOT, file), 'utf8').matchAll(TITLE))
      for (const [, number] of title.matchAll(/\bB(\d{1,2})\b/g)) {
        const files = named.get(Number(number)) ?? [];
        named.set(Number(number), [...files, file]);
      }
  }
  return named;
}

t.test('every behaviour that users rely on has a test that names it', async (t) => {
  const named = namedNumbers();
  t.equal(BEHAVIOURS.length, 68);
  for (const [i, what] of BEHAVIOURS.entries()) {
    const number = i + 1;
    t.ok(named.has(number), `B${number}: ${what}`);
  }
  t.same(
    [...named.keys()].filter((number) => BEHAVIOURS[number - 1] === undefined),
    [],
    'titles name no numbers that do not exist',
  );
});
