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
  /**
   * A round in which others used more than this part of the subject's core is measured again, at most as often
   * as there are rounds. It goes by what others did, never by the figure, so it favours nobody.
   */
  readonly quietLimit: number;
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
  const { cells, rounds, seconds, warmupSeconds, generate, quietLimit } = options;
  const samples: Sample[] = [];
  for (const [index, cell] of cells.entries()) {
    stage.say(`${cellName(cell)} (${index + 1} of ${cells.length})`);
    for (const subject of subjects) {
      await measure(stage, subject, { cell, round: 0, seconds: warmupSeconds, generate });
    }
    let repeats = 0;
    for (let round = 0; round < rounds; ) {
      const ofRound: Sample[] = [];
      for (const subject of orderOfRound(subjects, round)) {
        ofRound.push(await measure(stage, subject, { cell, round, seconds, generate }));
      }
      const isNoisy = ofRound.some(({ foreignShare }) => foreignShare > quietLimit);
      if (isNoisy && repeats < rounds) {
        repeats++;
        continue;
      }
      samples.push(...ofRound);
      round++;
    }
    if (repeats > 0) stage.say(`${cellName(cell)}: ${repeats} rounds measured again, others were busy`);
  }
  return samples;
}
