/** What all parts of a run share: the temporary folder, the certificate, the backend, the cores. Taken down whole. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../src/kernel/clock.ts';
import { SluiceError } from '../src/kernel/errors.ts';
import { type Backend, startBackend } from './subjects/nginx.ts';
import type { RunningSubject, Subject } from './subjects/subject.ts';
import { type Certificate, makeCertificate } from './system/certificate.ts';

export interface Cores {
  /** Where the subject runs, alone. */
  readonly subject: string;
  /** Where the backend and the load generator run. */
  readonly load: string;
}

export interface StartOptions {
  readonly cores?: string;
  readonly nodeOptions?: readonly string[];
}

export interface Stage extends AsyncDisposable {
  readonly folder: string;
  readonly certificate: Certificate;
  readonly backend: Backend;
  readonly cores: Cores;
  readonly clock: Clock;
  /** Ends what runs when the run is out of time or interrupted. */
  readonly signal: AbortSignal;
  /** A new folder of its own in the temporary one. */
  newFolder(name: string): string;
  /** Starts a subject, on the subject's cores and with no options for Node unless they are given. */
  start(subject: Subject, how?: StartOptions): Promise<RunningSubject>;
  /** One line on what happens now. */
  say(line: string): void;
}

/** @param say takes one line of progress at a time. */
export async function openStage(
  clock: Clock,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<Stage> {
  if (availableParallelism() < 2) {
    throw new SluiceError('bench_one_core', 'two cores are needed: one for the subject, one for its load', {
      hint: 'the figures of a subject that shares its core with the load generator mean nothing',
    });
  }
  await using undo = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  undo.defer(() => rmSync(folder, { recursive: true, force: true }));
  const cores: Cores = { subject: '0', load: '1' };
  const certificate = await makeCertificate(folder);
  let folders = 0;
  const newFolder = (name: string): string => {
    const path = join(folder, `${++folders}-${name}`);
    mkdirSync(path);
    return path;
  };
  const backend = undo.use(await startBackend(newFolder('backend'), cores.load, clock));
  const owned = undo.move();
  return {
    folder,
    certificate,
    backend,
    cores,
    clock,
    signal,
    newFolder,
    say,
    start: (subject, how = {}) =>
      subject.start({
        folder: newFolder(subject.name),
        cores: how.cores ?? cores.subject,
        backendPort: backend.port,
        certificate,
        clock,
        nodeOptions: how.nodeOptions ?? [],
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
