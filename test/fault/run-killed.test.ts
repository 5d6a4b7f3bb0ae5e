/** The daemon itself under kill -9: of its launcher, of main. */
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { isRunning } from '../support/processes.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const GONE_WITHIN_MS = 2000;
const CONFIG = `admin: { listen: "127.0.0.1:0" }
listeners: { web: { address: 127.0.0.1, port: 0 } }
routes: [{ respond: 204 }]
`;

const skip = process.platform === 'linux' ? false : 'reads /proc';

for (const victim of ['launcher', 'main'] as const) {
  t.test(`kill -9 of ${victim}: nothing is left`, { skip }, async (t) => {
    const folder = t.testdir({ 'sluice.yaml': CONFIG });
    await using sluice = new SluiceProcess(['run'], { cwd: folder, through: 'launcher' });
    await sluice.message('ready');
    const { pid } = sluice;
    const main = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
    t.ok(isRunning(main));
    const killedAt = performance.now();
    process.kill(victim === 'main' ? main : pid, 'SIGKILL');
    while ([pid, main].some(isRunning) && performance.now() - killedAt < GONE_WITHIN_MS) await nextTurn();
    t.same([pid, main].filter(isRunning), []);
    t.match(await sluice.ended, { code: null, signal: 'SIGKILL' });
  });
}
