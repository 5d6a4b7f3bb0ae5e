/** HTTP/2 from clients, with h2load; a subject that does not speak it (yet) is left out and told. */
import { connect } from 'node:tls';
import { runH2load } from '../load/h2load.ts';
import type { Sample } from '../measure.ts';
import { H2_CASES } from '../plan.ts';
import type { Stage } from '../stage.ts';
import { H2_SUBJECTS } from '../subjects/h2.ts';
import type { RunningSubject } from '../subjects/subject.ts';
import { runToEnd } from '../system/process.ts';
import { measureRounds, type RoundsOptions } from './rounds.ts';

/** What a TLS port chooses of h2 and http/1.1. */
function chosenProtocol(port: number): Promise<string | false | null> {
  return new Promise((resolve) => {
    const offer = { host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] };
    const socket = connect(offer, () => {
      resolve(socket.alpnProtocol);
      socket.destroy();
    });
    socket.on('error', () => resolve(null));
  });
}

/** @param only names of subjects; undefined means all */
export async function measureH2(
  stage: Stage,
  only: readonly string[] | undefined,
  absent: string[],
  options: Omit<RoundsOptions, 'cells' | 'generate'>,
): Promise<Sample[]> {
  // Says what is missing before anything is started.
  await runToEnd('h2load', ['--version']);
  await using running = new AsyncDisposableStack();
  const able: RunningSubject[] = [];
  for (const subject of H2_SUBJECTS.filter(({ name }) => only === undefined || only.includes(name))) {
    const started = running.use(await stage.start(subject));
    if ((await chosenProtocol(started.tlsPort)) === 'h2') able.push(started);
    else absent.push(`${subject.name}: does not speak HTTP/2 (part h2)`);
  }
  const cells = H2_CASES.map((one) => ({ case: one, mix: 'alike' as const }));
  return await measureRounds(stage, able, { ...options, cells, generate: runH2load });
}
