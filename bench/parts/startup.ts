/** From the start of the launcher to the first 200 of /readyz, over and over. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stage } from '../stage.ts';
import { LAUNCHER_PATH, sluiceConfig } from '../subjects/sluice.ts';
import { freePorts } from '../system/ports.ts';
import { waitForAnswer } from '../system/probe.ts';
import { startProcess } from '../system/process.ts';

/**
 * Milliseconds of each start. The launcher may use all cores, as it would for a user.
 * @param nodePath the Node that runs the launcher; an old one shows what finding a right one costs
 */
export async function measureStartup(stage: Stage, nodePath: string, rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    stage.signal.throwIfAborted();
    stage.say(`start-up ${round + 1} of ${rounds}`);
    const folder = stage.newFolder('startup');
    const [plain = 0, tls = 0, admin = 0] = await freePorts(3);
    const configPath = join(folder, 'sluice.yaml');
    const ports = { plain, tls, admin };
    const { certificate, backend, clock } = stage;
    writeFileSync(
      configPath,
      sluiceConfig({ certificate, backendPort: backend.port }, ports, { threads: 1 }),
    );
    const logPath = join(folder, 'sluice.log');
    const startMs = clock.nowMs();
    await using running = await startProcess(
      {
        name: 'sluice (launcher)',
        command: nodePath,
        args: [LAUNCHER_PATH, 'run', '--config', configPath],
        cores: `${stage.cores.subject},${stage.cores.load}`,
        cwd: folder,
        outPath: logPath,
        errPath: logPath,
      },
      clock,
    );
    await waitForAnswer(running, `http://127.0.0.1:${admin}/readyz`, clock, { everyMs: 5 });
    times.push(clock.nowMs() - startMs);
    await running.stop();
  }
  return times;
}
