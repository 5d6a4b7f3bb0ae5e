/**
 * Two data threads against one: the same work, so the same processor time a request, unless they are in each
 * other's way. With fewer than four cores all programs share all cores, for both alike; throughput means nothing then.
 */
import { availableParallelism } from 'node:os';
import { measure, type Sample } from '../measure.ts';
import { type Cell, orderOfRound } from '../plan.ts';
import type { Stage } from '../stage.ts';
import { sluiceSubject } from '../subjects/sluice.ts';

export const ONE_THREAD = 'sluice, 1 thread';
export const TWO_THREADS = 'sluice, 2 threads';

/** Starts two of Sluice and measures them in turn. */
export async function measureThreads(
  stage: Stage,
  options: { readonly cells: readonly Cell[]; readonly rounds: number; readonly seconds: number },
): Promise<Sample[]> {
  const isRoomy = availableParallelism() >= 4;
  const subjectCores = isRoomy ? '0-1' : '0,1';
  const loadCores = isRoomy ? `2-${availableParallelism() - 1}` : subjectCores;
  await using running = new AsyncDisposableStack();
  const one = running.use(await stage.start(sluiceSubject(ONE_THREAD, 1), { cores: subjectCores }));
  const two = running.use(await stage.start(sluiceSubject(TWO_THREADS, 2), { cores: subjectCores }));
  const samples: Sample[] = [];
  for (const cell of options.cells) {
    stage.say(`two threads against one, ${cell.case.name}`);
    for (const subject of [one, two]) {
      await measure(stage, subject, { cell, round: 0, seconds: 2, subjectCores, loadCores });
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const subject of orderOfRound([one, two], round)) {
        const how = { cell, round, seconds: options.seconds, subjectCores, loadCores };
        samples.push(await measure(stage, subject, how));
      }
    }
  }
  return samples;
}
