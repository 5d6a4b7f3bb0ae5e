/**
 * A wall clock that is set under a running daemon (B68), a year ahead and back, as after a suspended machine or by a wrong time server:
 * what waits goes on waiting, limits go on limiting, servers stay watched; only what people read follows it.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { fieldOf, get, ok, Peer, RawServer } from '../support/peer.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const YEAR_MS = 365 * 86_400_000;
const PRELOAD = pathToFileURL(new URL('../support/wall-clock.mjs', import.meta.url).pathname).href;

const fileOf = (servers: readonly RawServer[]): string => `threads: 2
admin: { listen: "127.0.0.1:0" }
shutdown: { drain_timeout: 1s }
listeners:
  web: { address: 127.0.0.1, port: 0, limits: { header_timeout: 1s, idle_timeout: 60s } }
routes:
  - { name: window, match: { path: /window }, pool: web, rate_limit: 3/h }
  - { name: bucket, match: { path: /bucket }, pool: web, rate_limit: { rate: 1/h, burst: 3 } }
  - { name: all, pool: web }
pools:
  web:
    algorithm: round_robin
    servers: [${servers.map((it) => `"${it.address}"`).join(', ')}]
    health: { path: /healthz, interval: 500ms, timeout: 500ms, rise: 1, fall: 2 }
`;

t.test('a year ahead, and two back (B68)', async (t) => {
  await using stays = await RawServer.open('the one that stays');
  const goes = await RawServer.open('the one that goes');
  const folder = t.testdir({ 'sluice.yaml': fileOf([stays, goes]), wall: '0' });
  const setClock = (offMs: number): void => writeFileSync(join(folder, 'wall'), String(offMs));
  for (const server of [stays, goes]) server.answerAll(() => ok());
  await using sluice = new SluiceProcess(['run'], {
    cwd: folder,
    env: { NODE_OPTIONS: `--import=${PRELOAD}`, WALL_CLOCK_FILE: join(folder, 'wall') },
  });
  const [listener = ''] = (await sluice.message('ready'))['listeners'] as string[];
  const port = Number(listener.slice(listener.lastIndexOf(':') + 1));
  await using client = await Peer.connect(port);
  const ask = async (path: string) => client.ask(get(path));

  const waits = new Map<string, number>();
  for (const path of ['/window', '/bucket']) {
    for (let i = 0; i < 3; i++) t.equal((await ask(path)).status, 200, `${path} ${i}`);
    const limited = await ask(path);
    t.equal(limited.status, 429, `${path}: used up`);
    waits.set(path, Number(fieldOf(limited, 'retry-after')));
  }
  for (const offMs of [YEAR_MS, -YEAR_MS]) {
    const before = sluice.lines.length;
    setClock(offMs);
    for (const path of ['/window', '/bucket']) {
      const limited = await ask(path);
      t.equal(limited.status, 429, `${path}: still used up at ${offMs}`);
      const waitS = Number(fieldOf(limited, 'retry-after'));
      const beforeS = waits.get(path) ?? 0;
      t.ok(waitS > beforeS / 2 && waitS <= beforeS, `${path}: ${waitS} s as there were ${beforeS}`);
    }
    const answer = await ask('/');
    t.equal(answer.status, 200, 'an open connection was not idle for a year');
    const line = await sluice.line((it) => it['target'] === '/' && it['status'] === 200, before);
    t.equal(
      new Date(String(line['time'])).getFullYear(),
      new Date(Date.now() + offMs).getFullYear(),
      'the log follows',
    );
    // A head that never comes is waited for as long as ever: neither given up at once nor kept for a year.
    await using slow = await Peer.connect(port);
    slow.write('GET / HTTP/1.1\r\n');
    t.match(await slow.rest(), /^HTTP\/1\.1 408 /);
  }
  const before = sluice.lines.length;
  await goes[Symbol.asyncDispose]();
  await sluice.line((it) => String(it['message']).includes('unhealthy'), before);
  t.equal((await ask('/')).status, 200, 'servers are watched on');
  const ended = once(sluice.child, 'exit');
  sluice.child.kill('SIGTERM');
  t.same((await ended)[0], 0, 'the drain takes its time and no more');
});
