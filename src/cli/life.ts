/**
 * The life of a process that runs until it is told to stop. `run` and `demo` share it, so that signals mean the same:
 *
 *   SIGTERM, SIGINT, SIGQUIT   drain, then end; asked again: end at once (stop-signals.ts)
 *   SIGHUP                     reload; when it comes because the terminal was closed: as SIGTERM
 *   SIGUSR2                    dump the state to the log
 *   an error nobody caught     log it, end with code 1: what it left half-done is unknown
 */
import { type Context, EXIT, type ExitCode } from './context.ts';
import { StopSignals } from './stop-signals.ts';

export interface Life {
  /** Drains and ends everything. Called once. */
  stop(): Promise<ExitCode>;
  reload(): Promise<void>;
  dumpState(): void;
  /** An error that nobody caught. Resolves when it is on its way to whoever reads it. */
  fail(error: unknown): Promise<void>;
  /** Told once, when it is asked to stop, with the signal's name. */
  onStopping?(signal: string): void;
}

/** Installs the handlers at once; resolves with the exit code when it is over. `end` ends it without a signal. */
export function beginLife(life: Life, context: Context): { readonly over: Promise<ExitCode>; end(): void } {
  const { promise: over, resolve, reject } = Promise.withResolvers<ExitCode>();
  const verdicts = new StopSignals();
  let isStopping = false;
  const drain = (): void => {
    if (isStopping) return;
    isStopping = true;
    life.stop().then(resolve, reject);
  };
  const stop = (signal: string): void => {
    const verdict = verdicts.next(context.clock.nowMs());
    if (verdict === 'now') resolve(EXIT.cut);
    if (verdict !== 'drain') return;
    if (!isStopping) life.onStopping?.(signal);
    drain();
  };
  for (const name of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) context.onSignal(name, () => stop(name));
  context.onSignal('SIGHUP', () => {
    if (context.isHungUp()) stop('SIGHUP');
    else if (!isStopping) life.reload().catch(fail);
  });
  context.onSignal('SIGUSR2', () => life.dumpState());
  const fail = (error: unknown): void => {
    life.fail(error).then(
      () => resolve(EXIT.failure),
      () => resolve(EXIT.failure),
    );
  };
  context.onUncaught(fail);
  return { over, end: drain };
}
