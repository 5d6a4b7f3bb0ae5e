import type { Clock } from '../../kernel/clock.ts';
import type { HealthCheck, HealthTarget, ProbeResult } from './options.ts';
import { probeGrpc } from './probe-grpc.ts';
import { probeHttp } from './probe-http.ts';
import { probeIcmp } from './probe-icmp.ts';
import { probeTcp } from './probe-tcp.ts';

/** Makes one check. Resolves, and never rejects, when nothing of it is open any more. */
export type Probe = (
  target: HealthTarget,
  check: HealthCheck,
  signal: AbortSignal,
  clock: Clock,
) => Promise<ProbeResult>;

export const probeServer: Probe = (target, check, signal, clock) => {
  switch (check.type) {
    case 'http':
    case 'https':
      return probeHttp(target, check, signal, clock);
    case 'grpc':
      return probeGrpc(target, check, signal, clock);
    case 'tcp':
      return probeTcp(target, check, signal, clock);
    case 'icmp':
      return probeIcmp(target, check, signal, clock);
    default:
      return check satisfies never;
  }
};
