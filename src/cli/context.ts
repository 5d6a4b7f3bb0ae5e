/** What a verb gets from outside the process; tests hand in something else. */
import type { Clock } from '../kernel/clock.ts';

/** 2 = the user's mistake, on the command line or in the file; 3 = stopped, but connections had to be cut. */
export const EXIT = { ok: 0, failure: 1, usage: 2, cut: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface Output {
  write(text: string): void;
  /** A person looks at it, on something that can move its cursor. */
  readonly isTerminal: boolean;
  /** ANSI colours are wanted. */
  readonly hasColour: boolean;
  /** Width in characters. */
  readonly columns: number;
}

export type SignalName = 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP' | 'SIGUSR2';

export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Of the Node that runs this, as in `process.versions.node`. */
  readonly nodeVersion: string;
  /** This process, for people who want to send it signals. */
  readonly pid: number;
  /** Standard input; from a terminal one line that is not shown. */
  readSecret(prompt: string): Promise<string>;
  onSignal(name: SignalName, listener: () => void): void;
  /** Errors that nobody caught. */
  onUncaught(listener: (error: unknown) => void): void;
  /** The terminal that was there at the start has been closed since. */
  isHungUp(): boolean;
}
