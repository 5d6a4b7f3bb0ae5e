import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../system/ports.ts';
import { waitForAnswer } from '../system/probe.ts';
import { startProcess } from '../system/process.ts';
import type { Place, RunningSubject } from './subject.ts';

export interface Launch {
  readonly name: string;
  readonly command: string;
  readonly args: (ports: Ports) => readonly string[];
  /** The access log, when it is a file of its own; else it is standard output. */
  readonly logPath?: string;
}

export interface Ports {
  readonly plain: number;
  readonly tls: number;
  readonly admin: number;
}

/** Starts a proxy on free ports and waits until an answer of the backend comes through, plain and TLS. */
export async function launchSubject(place: Place, launch: Launch): Promise<RunningSubject> {
  const { folder, cores, clock } = place;
  const [plain = 0, tls = 0, admin = 0] = await freePorts(3);
  const outPath = join(folder, 'stdout.log');
  const { name, command } = launch;
  const args = launch.args({ plain, tls, admin });
  const errPath = join(folder, 'stderr.log');
  const process = await startProcess({ name, command, args, cores, cwd: folder, outPath, errPath }, clock);
  try {
    await waitForAnswer(process, `http://127.0.0.1:${plain}/small`, clock);
    await waitForAnswer(process, `https://127.0.0.1:${tls}/small`, clock);
  } catch (thrown) {
    await process.stop();
    throw thrown;
  }
  return {
    name,
    process,
    plainPort: plain,
    tlsPort: tls,
    emptyLog: () => truncateSync(launch.logPath ?? outPath),
    [Symbol.asyncDispose]: process.stop,
  };
}
