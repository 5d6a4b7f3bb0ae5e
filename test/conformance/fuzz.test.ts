/**
 * What fuzzing found must never come back, and a short seeded session of each part finds nothing new. Longer ones:
 * `node bench/fuzz.ts` (bench/README.md), which adds what it finds to fuzz-findings.json.
 */
import t from 'tap';
import { readFindings } from '../../bench/fuzz/findings.ts';
import { PART_NAMES } from '../../bench/fuzz/input.ts';
import { FINDINGS_PATH } from '../../bench/fuzz/options.ts';
import { openPart, runSession } from '../../bench/fuzz/session.ts';
import { systemClock } from '../../src/kernel/clock.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20261121);
/** Of each part; what is quick in memory and what goes over sockets or parses a configuration. */
const INPUTS = {
  requests: 3000,
  answers: 3000,
  differential: 2000,
  connection: 200,
  wire: 300,
  h2: 150,
  config: 40,
};
const MOST_MS = 60_000;

const findings = readFindings(FINDINGS_PATH);

for (const name of PART_NAMES) {
  t.test(name, async (t) => {
    const known = findings.filter((it) => it.part === name);
    if (known.length > 0) {
      await using part = await openPart(name);
      for (const { input, complaint } of known)
        t.equal(await part.check(input), '', `found before: ${complaint.slice(0, 100)}`);
    }
    const { results, findings: found } = await runSession({
      seed: SEED,
      durationMs: MOST_MS,
      parts: [name],
      mostInputs: INPUTS[name],
      clock: systemClock,
      say: () => {},
    });
    t.same(found, [], `nothing found with seed ${SEED}`);
    t.ok((results[0]?.inputs ?? 0) > 0, `${results[0]?.inputs} inputs`);
  });
}
