/**
 * Which servers are taken out for what requests showed (passive health), and which come back. Pure: what was counted goes
 * in, the changes with their reasons come out.
 *
 * A server is taken out for errors in a row, or because it fails far more often than the others of its pool in an interval
 * (after Envoy's outlier detection). It stays out for `ejectionMs` times the number of times it has been taken out lately, at
 * most five minutes. Never more than `maxEjected` of a pool are out (but one may be, of two and more), and never the last one
 * that works: a pool in which all fail is better asked than refused. When others go down meanwhile, it comes back sooner.
 */
export interface OutlierOptions {
  /** Gateway errors in a row; 0 = not looked at. */
  readonly consecutiveErrors: number;
  /** Part of the requests of an interval that fail, 0 to 1; 0 = not looked at. */
  readonly failureRate: number;
  readonly intervalMs: number;
  /** Fewer requests in an interval say nothing of a rate. */
  readonly minRequests: number;
  readonly ejectionMs: number;
  /** Part of the pool, 0 to 1. */
  readonly maxEjected: number;
}

export const MAX_EJECTION_MS = 300_000;
/** Others may fail at half of the rate before nobody is an outlier: then it is the pool that fails. */
const OTHERS_SHARE = 0.5;

/** One server as it is now. */
export interface OutlierServer {
  readonly id: string;
  /** It would get requests but for an ejection: healthy, not draining, of some weight. */
  readonly isInUse: boolean;
  /** Gateway errors since the last other answer. */
  readonly errorsInARow: number;
  /** Of the interval that has just ended; undefined = none has. */
  readonly interval: { readonly requests: number; readonly failures: number } | undefined;
  /** When it comes back; undefined = it is not out. */
  readonly outUntilMs: number | undefined;
  /** How often it was taken out lately. */
  readonly timesOut: number;
}

export type EjectionReason = 'consecutive_errors' | 'failure_rate';

export type OutlierChange =
  | {
      readonly kind: 'eject';
      readonly id: string;
      readonly forMs: number;
      readonly reason: EjectionReason;
      readonly why: string;
    }
  /** It would be taken out but for `maxEjected`. */
  | { readonly kind: 'spare'; readonly id: string; readonly why: string }
  | { readonly kind: 'return'; readonly id: string };

export function decideOutliers(
  servers: readonly OutlierServer[],
  options: OutlierOptions,
  nowMs: number,
): OutlierChange[] {
  const changes: OutlierChange[] = [];
  const inUse = servers.filter((it) => it.isInUse);
  const share = options.maxEjected > 0 ? Math.max(1, Math.floor(options.maxEjected * inUse.length)) : 0;
  const most = Math.min(share, inUse.length - 1);
  let out = inUse.filter((it) => (it.outUntilMs ?? 0) > nowMs).length;
  const soonestFirst = servers
    .filter((it) => it.outUntilMs !== undefined)
    .sort((a, b) => (a.outUntilMs as number) - (b.outUntilMs as number));
  for (const it of soonestFirst) {
    const isOver = (it.outUntilMs as number) <= nowMs;
    // Others went down, drained or left meanwhile: it is needed.
    const isNeeded = !isOver && it.isInUse && out > Math.max(0, most);
    if (isNeeded) out--;
    if (isOver || isNeeded) changes.push({ kind: 'return', id: it.id });
  }
  const suspects = inUse
    .filter((it) => it.outUntilMs === undefined)
    .map((it) => ({ it, why: whyOut(it, inUse, options) }))
    .filter(({ why }) => why !== '')
    // The worst goes first, if not all can.
    .sort((a, b) => b.it.errorsInARow - a.it.errorsInARow);
  for (const { it, why } of suspects) {
    if (out >= most) {
      changes.push({ kind: 'spare', id: it.id, why });
      continue;
    }
    out++;
    const forMs = Math.min(MAX_EJECTION_MS, options.ejectionMs * (it.timesOut + 1));
    changes.push({ kind: 'eject', id: it.id, forMs, reason: reasonOf(it, options), why });
  }
  return changes;
}

function reasonOf({ errorsInARow }: OutlierServer, { consecutiveErrors }: OutlierOptions): EjectionReason {
  return consecutiveErrors > 0 && errorsInARow >= consecutiveErrors ? 'consecutive_errors' : 'failure_rate';
}

function whyOut(server: OutlierServer, inUse: readonly OutlierServer[], options: OutlierOptions): string {
  const { consecutiveErrors, failureRate, minRequests } = options;
  if (consecutiveErrors > 0 && server.errorsInARow >= consecutiveErrors)
    return `${server.errorsInARow} errors in a row`;
  const { interval } = server;
  if (failureRate === 0 || interval === undefined || interval.requests < minRequests) return '';
  const rate = interval.failures / interval.requests;
  if (rate < failureRate) return '';
  let requests = 0;
  let failures = 0;
  for (const other of inUse) {
    if (other === server) continue;
    requests += other.interval?.requests ?? 0;
    failures += other.interval?.failures ?? 0;
  }
  if (requests === 0 || failures / requests > rate * OTHERS_SHARE) return '';
  return `${percent(rate)} of ${interval.requests} requests failed, of the others’ ${percent(failures / requests)}`;
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 && share > 0 ? 1 : 0)} %`;
