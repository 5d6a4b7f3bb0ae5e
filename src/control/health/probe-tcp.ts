import type { Clock } from '../../kernel/clock.ts';
import { connectFailure, isOurFault, timeoutFailure } from './failure.ts';
import { openProbe } from './open-probe.ts';
import type { HealthTarget, ProbeResult, TcpCheck } from './options.ts';

/** One TCP check: the connection is accepted, then closed without a byte of a request. */
export function probeTcp(
  target: HealthTarget,
  check: TcpCheck,
  signal: AbortSignal,
  clock: Clock,
): Promise<ProbeResult> {
  const startMs = clock.nowMs();
  return new Promise((resolve) => {
    const socket = openProbe(target, check.port);
    let result: ProbeResult | undefined;
    const settle = (ok: boolean, why: string, isOurs = false): void => {
      const responseMs = clock.nowMs() - startMs;
      result ??= ok ? { ok, responseMs } : { ok, responseMs, why, isOurs };
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
    };
    const onAbort = (): void => settle(false, timeoutFailure(check.timeoutMs));
    socket.on('connect', () => settle(true, ''));
    socket.on('error', (error) => settle(false, connectFailure(error), isOurFault(error)));
    // Only when the socket is gone is the check over: `stop` waits for it.
    socket.on('close', () => resolve(result ?? { ok: false, responseMs: 0, why: 'closed' }));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
