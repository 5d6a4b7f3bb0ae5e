/** The loop of the two tables over all subjects: every cell, a warm-up, then interleaved rounds. */
import type { LoadOptions, LoadResult } from '../load/load.ts';
import { measure, type Sample } from '../measure.ts';
import { type Cell, cellName, orderOfRound } from '../plan.ts';
import type { Stage } from '../stage.ts';
import type { RunningSubject } from '../subjects/subject.ts';

export interface RoundsOptions {
  readonly cells: readonly Cell[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly generate: (options: LoadOptions) => Promise<LoadResult>;
}

/**
 * Measures all subjects in all cells. They run side by side from the start to the end, idle but for the one that is
 * loaded, so that a compiler's warm-up or a cold cache is nobody's figure.
 */
export async function measureRounds(
  stage: Stage,
  subjects: readonly RunningSubject[],
  options: RoundsOptions,
): Promise<Sample[]> {
  const { cells, rounds, seconds, warmupSeconds, generate } = options;
  const samples: Sample[] = [];
  for (const [index, cell] of cells.entries()) {
    stage.say(`${cellName(cell)} (${index + 1} of ${cells.length})`);
    for (const subject of subjects) {
      await measure(stage, subject, { cell, round: 0, seconds: warmupSeconds, generate });
    }
    for (let round = 0; round < rounds; round++) {
      for (const subject of orderOfRound(subjects, round)) {
        samples.push(await measure(stage, subject, { cell, round, seconds, generate }));
      }
    }
  }
  return samples;
}
