/**
 * Everything at once for some seconds: clients of all kinds, reloads, killed servers. Every failure has an explanation, and
 * all is back at the start. `node bench/soak.ts` runs it for longer and looks at memory; SOAK_SECONDS and SOAK_SEED change it.
 */
import { randomInt } from 'node:crypto';
import t from 'tap';
import { runSoak } from '../../bench/soak/run.ts';
import { systemClock } from '../../src/kernel/clock.ts';

const env = (name: string, normally: number): number => Number(process.env[name] ?? normally);

t.test('everything at once (B66)', async (t) => {
  const seed = env('SOAK_SEED', randomInt(1_000_000));
  t.comment(`seed ${seed}`);
  const { ledger, problems, after, events } = await runSoak(
    { seed, minutes: env('SOAK_SECONDS', 8) / 60, load: 0.5, reloadSeconds: 2, jsonPath: '' },
    systemClock,
    (line) => t.comment(line),
    new AbortController().signal,
  );
  t.same(problems, [], 'nothing is wrong with the daemon');
  t.same(ledger.unexplained, [], 'every failure has an explanation');
  t.equal(ledger.waiting, 0, 'all was judged');
  t.match(after, { inFlight: 0, connections: 0 });
  t.ok(events.length > 0, `${events.map(({ what }) => what)}`);
  const fine = new Set(ledger.rows().flatMap(([what]) => (/^([a-z0-9-]+) ok$/.exec(what) ?? []).slice(1)));
  t.ok(fine.size >= 18, `${[...fine]} had what they wanted`);
});
