/** What a connection costs: one request each, plain, with a full TLS handshake and with a resumed one. */
import { handshakeLoad } from '../load/handshakes.ts';
import type { LoadOptions, LoadResult } from '../load/load.ts';
import { runWrk } from '../load/wrk.ts';
import type { Sample } from '../measure.ts';
import { CONNECTION_CASES } from '../plan.ts';
import type { Stage } from '../stage.ts';
import type { RunningSubject } from '../subjects/subject.ts';
import { measureRounds, type RoundsOptions } from './rounds.ts';

function generatorFor(handshake: (typeof CONNECTION_CASES)[number]['handshake']) {
  if (handshake !== 'none') return handshakeLoad(handshake === 'resumed');
  return (options: LoadOptions): Promise<LoadResult> => runWrk({ ...options, closes: true });
}

export async function measureConnections(
  stage: Stage,
  subjects: readonly RunningSubject[],
  options: Omit<RoundsOptions, 'cells' | 'generate'>,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const one of CONNECTION_CASES) {
    const cells = [{ case: one, mix: 'alike' as const }];
    const generate = generatorFor(one.handshake);
    samples.push(...(await measureRounds(stage, subjects, { ...options, cells, generate })));
  }
  return samples;
}
