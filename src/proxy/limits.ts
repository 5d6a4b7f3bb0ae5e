import type { FieldLine } from '../limit/index.ts';
import type { ConcurrencyLimits } from './concurrency-limits.ts';
import type { Exchange } from './exchange.ts';
import type { Gate } from './gate.ts';
import { MeteredStream, type MeterOptions, tooLarge } from './metered-stream.ts';
import type { RateLimits } from './rate-limits.ts';

/** What a listener or a route has of limits that are asked together. */
export interface Limits {
  readonly concurrency: ConcurrencyLimits | null;
  readonly rates: RateLimits | null;
  /** Size and bandwidth; null = as they come. */
  readonly meter: MeterOptions | null;
}

/** Nobody can know when a request of this client ends; soon is a good guess. */
const RETRY_SOON = 'Retry-After: 1\r\n';

/** @returns false when the request was answered 429 */
export function passesLimits(exchange: Exchange, limits: Limits | null): boolean {
  if (limits === null) return true;
  // Before anything is counted or read.
  if (limits.meter !== null && !passesMeter(exchange, limits.meter)) return false;
  // First of those that count: who is refused here costs the rates nothing, and whom a rate refuses gives his place back by ending.
  if (limits.concurrency !== null && !limits.concurrency.enter(exchange)) {
    exchange.listener.cells.countLimited();
    exchange.refuse('limited_concurrency', '', RETRY_SOON);
    return false;
  }
  const refused = limits.rates === null ? null : limits.rates.check(exchange);
  if (refused === null) return true;
  refuseRate(exchange, refused);
  return false;
}

/** @param lines that tell the client when to come again */
export function refuseRate(exchange: Exchange, lines: readonly FieldLine[]): void {
  exchange.listener.cells.countLimited();
  exchange.refuse('limited', '', lines.map(([name, value]) => `${name}: ${value}\r\n`).join(''));
}

function passesMeter(exchange: Exchange, meter: MeterOptions): boolean {
  const { stream, deps } = exchange;
  const { fields } = stream.head;
  const { maxBodyBytes, downloadRate, uploadRate } = meter;
  if (maxBodyBytes > 0 && fields.contentLength > maxBodyBytes) {
    exchange.refuse('too_large', tooLarge(maxBodyBytes).detail);
    return false;
  }
  // A length that was announced is kept to by the wire.
  const isUnknown = maxBodyBytes > 0 && !stream.isRequestComplete && fields.contentLength < 0;
  if (isUnknown || downloadRate > 0 || uploadRate > 0)
    exchange.stream = new MeteredStream(stream, meter, deps);
  return true;
}

/** Limits that need to know more of a request than its head: they wait for the gates before them. */
export class LimitGate implements Gate {
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  check(exchange: Exchange): boolean {
    return passesLimits(exchange, this.#limits);
  }
}
