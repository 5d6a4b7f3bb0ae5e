/** What every proxy under test is to the harness: something that starts on given ports and has one process tree. */
import type { Clock } from '../../src/kernel/clock.ts';
import type { Certificate } from '../system/certificate.ts';
import type { RunningProcess } from '../system/process.ts';

/** Where a subject finds what it needs and puts what it makes. */
export interface Place {
  /** A folder for this subject alone, removed at the end of the run. */
  readonly folder: string;
  /** The cores it may use. */
  readonly cores: string;
  readonly backendPort: number;
  readonly certificate: Certificate;
  readonly clock: Clock;
  /** For subjects that run on Node: options of Node itself. */
  readonly nodeOptions?: readonly string[];
}

export interface RunningSubject extends AsyncDisposable {
  readonly name: string;
  readonly process: RunningProcess;
  readonly plainPort: number;
  readonly tlsPort: number;
  /** Empties its log file, so that a long run does not fill the disk. */
  emptyLog(): void;
}

export interface Subject {
  readonly name: string;
  /** One line for people: what it is and how it is set up. */
  readonly about: string;
  /** Why it cannot take part here; undefined when it can. */
  absence?(): string | undefined;
  start(place: Place): Promise<RunningSubject>;
}

/** Address of an answer through a subject. */
export function urlOf(subject: RunningSubject, scheme: 'http' | 'https', path: string): string {
  const port = scheme === 'http' ? subject.plainPort : subject.tlsPort;
  return `${scheme}://127.0.0.1:${port}/${path}`;
}
