/** Where figures come from: without it they cannot be compared with anything. */
import { cpus, release, totalmem, type } from 'node:os';
import { runToEnd } from './process.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Program to version; absent ones are left out. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Program, its option, and what its version looks like in the answer. */
const PROGRAMS: readonly (readonly [string, string, RegExp])[] = [
  ['nginx', '-v', /nginx\/(\S+)/],
  ['haproxy', '-v', /version ([\d.]+)/],
  ['wrk', '-v', /wrk (?:debian\/)?([\d.]+)/],
  ['openssl', 'version', /OpenSSL (\S+)/],
];

export async function describeMachine(): Promise<Machine> {
  const versions: Record<string, string> = { node: process.versions.node, v8: process.versions.v8 };
  for (const [program, option, pattern] of PROGRAMS) {
    try {
      const { stdout, stderr } = await runToEnd(program, [option]);
      const version = pattern.exec(stdout + stderr)?.[1];
      if (version !== undefined) versions[program] = version;
    } catch {
      // Not installed; whoever needs it says so.
    }
  }
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    versions,
  };
}
