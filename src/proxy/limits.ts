import type { Reason } from '../kernel/reason.ts';
import type { FieldLine } from '../limit/index.ts';
import type { ConcurrencyLimits } from './concurrency-limits.ts';
import type { Exchange } from './exchange.ts';
import { MeteredStream, type MeterOptions, tooLarge } from './metered-stream.ts';
import type { RateLimits } from './rate-limits.ts';

/** What a refusal is called: by whose limit it was. */
export interface LimitReasons {
  readonly rate: Reason;
  readonly concurrency: Reason;
}

export const LIMIT_REASONS: LimitReasons = { rate: 'limited', concurrency: 'limited_concurrency' };
export const TENANT_LIMIT_REASONS: LimitReasons = {
  rate: 'limited_tenant',
  concurrency: 'limited_tenant_concurrency',
};

/** What a listener, a route or a tenant has of limits that are asked together. */
export interface Limits {
  readonly reasons: LimitReasons;
  readonly concurrency: ConcurrencyLimits | null;
  readonly rates: RateLimits | null;
  /** Size and bandwidth; null = as they come. */
  readonly meter: MeterOptions | null;
}

/** Nobody can know when a request of this client ends; soon is a good guess. */
const RETRY_SOON = 'Retry-After: 1\r\n';

/**
 * @param counted limits that let this very request pass just now; should it be refused here, it costs them nothing
 * @returns false when the request was answered 429
 */
export function passesLimits(
  exchange: Exchange,
  limits: Limits | null,
  counted: RateLimits | null = null,
): boolean {
  if (limits === null) return true;
  const { meter, concurrency, rates, reasons } = limits;
  // Before anything is counted or read.
  if (meter !== null && !passesMeter(exchange, meter)) return false;
  // First of those that count: who is refused here costs the rates nothing, and whom a rate refuses gives his place back by ending.
  if (concurrency !== null && !concurrency.enter(exchange)) {
    counted?.giveBack(exchange);
    exchange.listener.cells.countLimited();
    exchange.refuse(reasons.concurrency, '', RETRY_SOON);
    return false;
  }
  const refused = rates === null ? null : rates.check(exchange);
  if (refused === null) return true;
  counted?.giveBack(exchange);
  refuseRate(exchange, refused, reasons);
  return false;
}

/** @param lines that tell the client when to come again */
export function refuseRate(exchange: Exchange, lines: readonly FieldLine[], reasons: LimitReasons): void {
  exchange.listener.cells.countLimited();
  exchange.refuse(reasons.rate, '', lines.map(([name, value]) => `${name}: ${value}\r\n`).join(''));
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
