/**
 * The wire, case by case: what is sent as raw bytes, what may reach a server, what must come back. Every case takes the
 * strict side of what HTTP leaves open, and names the RFC section or the accident elsewhere that it comes from.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import type { WireCase } from '../support/wire-case.ts';
import { WireRunner, type WireVerdict } from '../support/wire-runner.ts';

const LANES = 24;
const cases = JSON.parse(readFileSync(new URL('./wire-cases.json', import.meta.url), 'utf8')) as WireCase[];

async function playAlone(wire: WireCase): Promise<WireVerdict | undefined> {
  await using runner = await WireRunner.open(1);
  return await runner.run([wire]).get(wire.id);
}

t.test('wire cases', async (t) => {
  await using runner = await WireRunner.open(LANES);
  const verdicts = runner.run(cases);
  let passed = 0;
  for (const wire of cases) {
    await t.test(wire.id, async (t) => {
      let verdict = await verdicts.get(wire.id);
      // Cases have times of their own, which 24 at once on a busy machine may miss: one that fails is played again alone.
      if (verdict?.complaints.length !== 0) verdict = await playAlone(wire);
      t.same(verdict?.complaints, [], `${wire.why} (${wire.source})`);
      if (verdict?.complaints.length === 0) passed++;
    });
  }
  t.comment(`${passed} of ${cases.length} wire cases passed`);
  t.equal(new Set(cases.map((it) => it.id)).size, cases.length, 'no two cases have one id');
  t.ok(cases.length >= 202, 'no case was lost');
});
