/**
 * The wire, case by case: what is sent as raw bytes, what may reach a server, what must come back. Every case takes the
 * strict side of what HTTP leaves open, and names the RFC section or the accident elsewhere that it comes from. All
 * wires of HTTP/1 have to pass; what one of them takes otherwise by its nature is in the table of differences.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import type { WireCase } from '../support/wire-case.ts';
import { caseFor, differingCases } from '../support/wire-differences.ts';
import { WireRunner, type WireVerdict } from '../support/wire-runner.ts';
import { HTTP1_WIRES, type Wire } from '../support/wires.ts';

const LANES = 24;
const cases = JSON.parse(readFileSync(new URL('./wire-cases.json', import.meta.url), 'utf8')) as WireCase[];

async function playAlone(wireCase: WireCase, wire: Wire): Promise<WireVerdict | undefined> {
  await using runner = await WireRunner.open(1, wire);
  return await runner.run([wireCase]).get(wireCase.id);
}

for (const wire of HTTP1_WIRES) {
  t.test(`wire cases, ${wire.name}`, async (t) => {
    await using runner = await WireRunner.open(LANES, wire);
    const all = cases.map((it) => caseFor(wire, it));
    const verdicts = runner.run(all);
    let passed = 0;
    for (const wireCase of all) {
      await t.test(wireCase.id, async (t) => {
        let verdict = await verdicts.get(wireCase.id);
        // Cases have times of their own, which 24 at once on a busy machine may miss: one that fails is played again alone.
        if (verdict?.complaints.length !== 0) verdict = await playAlone(wireCase, wire);
        t.same(verdict?.complaints, [], `${wireCase.why} (${wireCase.source})`);
        if (verdict?.complaints.length === 0) passed++;
      });
    }
    t.comment(`${passed} of ${cases.length} wire cases passed`);
    const ids = new Set(cases.map((it) => it.id));
    for (const id of differingCases(wire)) t.ok(ids.has(id), `${id} is a case`);
  });
}

t.test('the cases', async (t) => {
  t.equal(new Set(cases.map((it) => it.id)).size, cases.length, 'no two cases have one id');
  t.ok(cases.length >= 202, 'no case was lost');
});
