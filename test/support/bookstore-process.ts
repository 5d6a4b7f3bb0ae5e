/** Bookstore servers as processes, for tests that kill them or need several. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { lifelineSpawn } from '../../src/kernel/lifeline.ts';

const ENTRY = fileURLToPath(new URL('../../src/bookstore/server.ts', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

export interface BookstoreProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly url: string;
  readonly port: number;
  readonly name: string;
  readonly ended: Promise<Ended>;
}

export function spawnBookstore(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const line = lifelineSpawn(['ignore', 'pipe', 'pipe']);
  const child = spawn(process.execPath, [ENTRY, ...args], {
    stdio: line.stdio,
    env: { ...line.env, ...env },
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stderr }));
  return { child, ended };
}

/** Resolves once it listens; rejects with its stderr when it ends before. */
export async function startBookstore(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<BookstoreProcess> {
  const { child, ended } = spawnBookstore(args, env);
  if (!child.stdout) throw new Error('the child has no stdout');
  const lines = createInterface({ input: child.stdout });
  const first = once(lines, 'line').then(([text]) => String(text));
  const failed = ended.then(({ stderr }) => Promise.reject(new Error(`the bookstore ended: ${stderr}`)));
  // Once it listens, its end is no failure of the start.
  failed.catch(() => {});
  const event = JSON.parse(await Promise.race([first, failed])) as {
    event: string;
    port: number;
    name: string;
    pid: number;
  };
  if (event.event !== 'listening' || event.pid !== child.pid)
    throw new Error(`unexpected first line: ${JSON.stringify(event)}`);
  return {
    child,
    ended,
    port: event.port,
    name: event.name,
    url: `http://127.0.0.1:${event.port}`,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
