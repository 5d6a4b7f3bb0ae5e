/** A short form of bench/faults.ts: one fault, and no request that may be repeated fails. */
import t from 'tap';
import { missingTraces } from '../../bench/faults/report.ts';
import { runFaults } from '../../bench/faults/run.ts';
import { systemClock } from '../../src/kernel/clock.ts';

t.test(
  'B40: a server breaks under many clients: nothing that may be repeated fails, and the log says why it is out',
  async (t) => {
    const options = { clients: 60, seconds: 1, meanPauseMs: 100, pairs: 0, sideSeconds: 1, seed: 7 };
    const said: string[] = [];
    const say = (line: string): void => void said.push(line);
    const result = await runFaults(options, t.testdir({}), systemClock, say, new AbortController().signal);
    t.same(result.problems, []);
    t.same(result.crowd.failures, []);
    t.equal(result.turns.length, 1, said.join('; '));
    t.same(
      result.turns.flatMap((turn) => missingTraces(turn, result.log)),
      [],
    );
    t.ok((result.crowd.requests['GET'] ?? 0) > 500, `${result.crowd.requests['GET']} requests`);
  },
);
