/**
 * The program: hands the process to the command line, and its exit code back. The only place that ends the process.
 */
import { isatty } from 'node:tty';
import {
  type Context,
  EXIT,
  type Output,
  readSecret,
  reportFailure,
  runCommandLine,
  wantsColour,
} from './cli/index.ts';
import { systemClock } from './kernel/clock.ts';
import { watchLifeline } from './kernel/lifeline.ts';

/** How long a slow reader may take for the last lines. */
const LAST_WORDS_MS = 10_000;
const DEFAULT_COLUMNS = 80;

// Started by the launcher: gone with it, whatever it was doing.
watchLifeline(() => process.exit(EXIT.failure));

function output(stream: NodeJS.WriteStream): Output {
  // A reader that is gone (`| head`) is no error of ours; without a listener it would end the process.
  stream.on('error', () => {});
  const isTerminal = stream.isTTY === true && process.env['TERM'] !== 'dumb';
  return {
    write: (text) => void stream.write(text),
    isTerminal,
    hasColour: wantsColour(process.env, isTerminal),
    get columns() {
      return stream.columns ?? DEFAULT_COLUMNS;
    },
  };
}

const terminals = [0, 1, 2].filter((fd) => isatty(fd));

const context: Context = {
  env: process.env,
  cwd: process.cwd(),
  clock: systemClock,
  stdout: output(process.stdout),
  stderr: output(process.stderr),
  nodeVersion: process.versions.node,
  pid: process.pid,
  readSecret: (prompt) => readSecret(process.stdin, prompt, (text) => void process.stderr.write(text)),
  onSignal: (name, listener) => void process.on(name, listener),
  onUncaught: (listener) => void process.on('uncaughtException', listener),
  isHungUp: () => terminals.length > 0 && !terminals.some((fd) => isatty(fd)),
};

/** What was written may still wait for its reader. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}

const code = await runCommandLine(process.argv.slice(2), context).catch((error: unknown) =>
  reportFailure(error, context.stderr),
);
systemClock.setTimer(LAST_WORDS_MS, () => process.exit(code));
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(code);
