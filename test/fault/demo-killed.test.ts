/** The whole demo, launcher, main and three bookstores: whichever of the first two is killed, all are gone. */
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { type Launched, launch } from '../support/launched.ts';
import { isRunning } from '../support/processes.ts';

/** How long anything of Sluice may live after its launcher or main was killed. */
const GONE_WITHIN_MS = 2000;

interface Ready {
  readonly event: string;
  readonly servers: ReadonlyArray<{ readonly pid: number }>;
}

async function startDemo(folder: string): Promise<{ demo: Launched; servers: number[] }> {
  const demo = launch(['demo', '--headless', '--duration', '60s', '--json'], { cwd: folder });
  const ready = JSON.parse(await demo.line('{')) as Ready;
  return { demo, servers: ready.servers.map((server) => server.pid) };
}

/** The one child of the launcher. */
function mainOf(launcher: number): number {
  return Number(readFileSync(`/proc/${launcher}/task/${launcher}/children`, 'utf8').trim());
}

async function goneAfterMs(pids: readonly number[], killedAt: number): Promise<number> {
  while (pids.some(isRunning) && performance.now() - killedAt < GONE_WITHIN_MS) await nextTurn();
  return performance.now() - killedAt;
}

const skip = process.platform === 'linux' ? false : 'reads /proc';

for (const victim of ['the launcher', 'main'] as const) {
  t.test(`kill -9 of ${victim}`, { skip }, async (t) => {
    const { demo, servers } = await startDemo(t.testdir({}));
    const main = mainOf(demo.pid);
    const all = [demo.pid, main, ...servers];
    t.equal(all.filter(isRunning).length, 2 + servers.length, 'all run');
    t.ok(servers.length >= 3);
    const killedAt = performance.now();
    process.kill(victim === 'main' ? main : demo.pid, 'SIGKILL');
    const tookMs = await goneAfterMs(all, killedAt);
    t.same(all.filter(isRunning), [], `all gone after ${tookMs.toFixed(0)} ms`);
    t.equal((await demo.ended).signal, 'SIGKILL');
  });
}
