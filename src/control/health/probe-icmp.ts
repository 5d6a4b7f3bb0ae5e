import { spawn } from 'node:child_process';
import { isIPv6 } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import { errorCode, errorText } from '../../kernel/errors.ts';
import { isOurFault, timeoutFailure } from './failure.ts';
import type { HealthTarget, IcmpCheck, ProbeResult } from './options.ts';

/**
 * One ICMP check, by the system's `ping`: raw sockets need rights that the daemon should not have, and Node has none.
 * The program gets an argument vector, never a shell, a fixed PATH and the C locale.
 */
export function probeIcmp(
  target: HealthTarget,
  check: IcmpCheck,
  signal: AbortSignal,
  clock: Clock,
  platform: NodeJS.Platform = process.platform,
  searchPath = '/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin',
): Promise<ProbeResult> {
  const startMs = clock.nowMs();
  return new Promise((resolve) => {
    const { command, args } = pingCommand(target.host, check.timeoutMs, platform);
    let output = '';
    let isAborted = false;
    const child = spawn(command, args, {
      env: { PATH: searchPath, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: false,
    });
    const take = (chunk: Buffer): void => {
      if (output.length < 4096) output += chunk.toString('latin1');
    };
    const onAbort = (): void => {
      isAborted = true;
      child.kill('SIGKILL');
    };
    const settle = (why: string | undefined, isOurs = false): void => {
      signal.removeEventListener('abort', onAbort);
      const tookMs = clock.nowMs() - startMs;
      resolve(
        why === undefined
          ? { ok: true, responseMs: pingTimeMs(output) ?? tookMs }
          : { ok: false, responseMs: tookMs, why, isOurs },
      );
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) =>
      settle(spawnFailure(error), isOurFault(error) || errorCode(error) === 'EAGAIN'),
    );
    child.on('close', (exitCode) => {
      if (exitCode === 0 && !isAborted) settle(undefined);
      else settle(isAborted ? timeoutFailure(check.timeoutMs) : pingFailure(output, check.timeoutMs));
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** iputils and busybox take `-W` in seconds; macOS takes milliseconds and has `ping6` for IPv6. */
export function pingCommand(
  host: string,
  timeoutMs: number,
  platform: NodeJS.Platform,
): { command: string; args: string[] } {
  const isSix = isIPv6(host.replace(/%.*$/, ''));
  if (platform === 'darwin')
    return isSix
      ? { command: 'ping6', args: ['-n', '-c', '1', '--', host] }
      : { command: 'ping', args: ['-n', '-c', '1', '-W', String(Math.ceil(timeoutMs)), '--', host] };
  const seconds = String(Math.max(1, Math.ceil(timeoutMs / 1000)));
  return { command: 'ping', args: [...(isSix ? ['-6'] : []), '-n', '-c', '1', '-W', seconds, '--', host] };
}

/** The round trip that ping measured: `time=0.045 ms`, `time<1 ms`. */
export function pingTimeMs(output: string): number | undefined {
  const match = /time[=<]\s*([\d.]+)\s*ms/.exec(output);
  return match ? Number(match[1]) : undefined;
}

/** What ping's words mean. */
export function pingFailure(output: string, timeoutMs: number): string {
  if (/not permitted|permission denied|missing cap_net_raw/i.test(output))
    return 'ping is not permitted here: give it cap_net_raw, or set net.ipv4.ping_group_range';
  if (/unknown host|name or service not known|bad address|cannot resolve/i.test(output))
    return 'host name not found';
  if (/temporary failure in name resolution/i.test(output)) return 'name server does not answer';
  if (/unreachable/i.test(output)) return 'host unreachable';
  if (/100(\.0)?% packet loss/.test(output)) return `no echo within ${timeoutMs}ms`;
  const line = output.trim().split('\n').at(-1) ?? '';
  return `ping failed: ${line === '' ? 'it said nothing' : line}`;
}

function spawnFailure(error: Error): string {
  return errorCode(error) === 'ENOENT'
    ? 'the program `ping` is missing: install the package iputils-ping, or check by tcp'
    : `ping did not start: ${errorText(error)}`;
}
