/**
 * One mishap after another in seeded order while clients read on kept connections, plain and TLS: nobody notices.
 * MISHAPS_SEED repeats a run, MISHAPS_SECONDS and MISHAPS_RUNS make it longer.
 */
import { randomInt } from 'node:crypto';
import t from 'tap';
import { runMishaps } from '../support/load/mishaps.ts';

const env = (name: string, normally: number): number => Number(process.env[name] ?? normally);

const first = env('MISHAPS_SEED', randomInt(1_000_000));
const MAX_RSS_BYTES = 512 * 1024 * 1024;

for (let seed = first; seed < first + env('MISHAPS_RUNS', 1); seed++) {
  t.test(`seed ${seed}`, async (t) => {
    const result = await runMishaps({ seed, clients: 60, durationMs: env('MISHAPS_SECONDS', 6) * 1000 });
    const { load, happened } = result;
    t.comment(happened.join('; '));
    t.comment(`${load.requests} requests, p99 ${load.p99Ms} ms, longest ${load.maxMs} ms`);
    t.same(load.failed, [], 'no request failed');
    t.same(load.broken, [], 'no answer broke off');
    t.same(load.wrong, [], 'no answer was wrong');
    t.same(result.unexplained, [], 'the access log has no failure either');
    t.equal(result.inFlightAtEnd, 0, 'nothing is in flight at the end');
    t.equal(result.exitCode, 0, 'it stopped in order');
    t.ok(result.maxRssBytes < MAX_RSS_BYTES, `memory: ${result.maxRssBytes}`);
  });
}
