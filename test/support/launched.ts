/** Starts the launcher as a user would, and collects what it and its program say. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

export const LAUNCHER = new URL('../../src/launch.mjs', import.meta.url).pathname;

/** The Nodes to start the launcher with: this one, and the host's own where it is another. */
export function launcherNodes(): string[] {
  const hosts = ['/usr/bin/node', '/usr/local/bin/node'].filter((path) => existsSync(path));
  return [process.execPath, ...hosts.slice(0, 1)];
}

export interface Launched {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with the first line of stdout, now or later, that starts with the text. */
  line(start: string): Promise<string>;
  /** How the launcher ended; resolves when every process that holds its stdout has ended too. */
  readonly ended: Promise<{
    code: number | null;
    signal: NodeJS.Signals | null;
    stdout: string;
    stderr: string;
  }>;
}

export function launch(
  args: readonly string[],
  options: { node?: string; launcher?: string; environment?: NodeJS.ProcessEnv; cwd?: string } = {},
): Launched {
  const child = spawn(options.node ?? process.execPath, [options.launcher ?? LAUNCHER, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const lines: string[] = [];
  const waiting: Array<{ start: string; found: (line: string) => void; failed: (error: Error) => void }> = [];
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const wait of waiting.filter(({ start }) => line.startsWith(start))) wait.found(line);
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    for (const { start, failed } of waiting) {
      failed(
        new Error(`it ended without printing "${start}"; stdout: ${lines.join('\n')} stderr: ${stderr}`),
      );
    }
    return { code, signal, stdout: lines.join('\n'), stderr };
  });
  return {
    child,
    pid: child.pid ?? -1,
    ended,
    line: (start) => {
      const seen = lines.find((line) => line.startsWith(start));
      if (seen !== undefined) return Promise.resolve(seen);
      return new Promise((found, failed) => {
        waiting.push({ start, found, failed });
      });
    },
  };
}
