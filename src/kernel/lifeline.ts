/**
 * The life-line: how a process learns that the one that started it is gone, however it went.
 *
 * The parent spawns with one extra pipe (`lifelineSpawn`) and keeps its end open without ever using it. When the parent
 * ends, by kill -9 too, the kernel closes that end and the child reads end-of-file (`watchLifeline`). launch.mjs does this
 * for main, main does it for what it spawns; so nothing that belongs to Sluice outlives its launcher.
 *
 * The pipe's number comes in SLUICE_LIFELINE_FD, which is removed from the environment once read: a grandchild that
 * inherited it would watch an unrelated descriptor. Rejected: polling process.ppid (a container's PID 1 and sub-reapers make
 * it lie, and a poll is late), PR_SET_PDEATHSIG (Linux only, follows the parent's thread, not reachable from Node).
 */
import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';

const VARIABLE = 'SLUICE_LIFELINE_FD';
/** The first descriptor after stdin, stdout and stderr: what the fourth entry of `stdio` becomes in the child. */
const CHILD_FD = 3;

export interface Lifeline {
  /** Is there a parent to watch? False for a process that was started without a life-line. */
  readonly watched: boolean;
  /** Stops watching; `onGone` is not called any more. */
  close(): void;
}

const UNWATCHED: Lifeline = Object.freeze({ watched: false, close: () => {} });

/**
 * Calls `onGone` once when the parent has ended. Never keeps the process alive. Without a life-line (no variable, or a
 * number that is no open pipe) nothing is watched.
 */
export function watchLifeline(onGone: () => void, environment: NodeJS.ProcessEnv = process.env): Lifeline {
  const text = environment[VARIABLE];
  delete environment[VARIABLE];
  const fd = parsePipe(text);
  if (fd === undefined) return UNWATCHED;
  let socket: Socket;
  try {
    socket = new Socket({ fd, readable: true, writable: false });
  } catch {
    return UNWATCHED; // an open descriptor that is no stream
  }
  let done = false;
  const gone = () => {
    if (done) return;
    done = true;
    socket.destroy();
    onGone();
  };
  // 'close' covers every end: end-of-file, a reset, an error. An error needs a listener or it would be thrown.
  socket.on('error', gone).on('end', gone).on('close', gone);
  socket.resume();
  socket.unref();
  return {
    watched: true,
    close: () => {
      done = true;
      socket.destroy();
    },
  };
}

/** The descriptor that the text names, if it is an open pipe or socket that is not one of the standard three. */
function parsePipe(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,6}$/.test(text)) return undefined;
  const fd = Number(text);
  if (fd < CHILD_FD) return undefined;
  try {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket() ? fd : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What to spread into `spawn` options so that the child can watch us. Our end closes with this process; the child object
 * holds it until then.
 */
export function lifelineSpawn(
  stdio: readonly [
    'ignore' | 'inherit' | 'pipe',
    'ignore' | 'inherit' | 'pipe',
    'ignore' | 'inherit' | 'pipe',
  ],
  environment: NodeJS.ProcessEnv = process.env,
): { stdio: Array<'ignore' | 'inherit' | 'pipe'>; env: NodeJS.ProcessEnv } {
  return { stdio: [...stdio, 'pipe'], env: { ...environment, [VARIABLE]: String(CHILD_FD) } };
}
