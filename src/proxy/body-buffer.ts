/**
 * Reads the whole body of a request before a server is chosen, on routes that ask for it: a slow upload then holds memory of ours
 * and no server. The body goes on with the exchange, whole, and may be sent again as often as the request may.
 */
import { HttpFault, type RequestSink } from '../http/index.ts';
import { ROUTE_TIMEOUT } from './endings.ts';
import type { Exchange } from './exchange.ts';
import { isGrpc } from './grpc.ts';
import { KeptBody } from './kept-body.ts';
import { tooLarge } from './metered-stream.ts';
import { trailersForServer } from './request-text.ts';
import { type TimedOwner, TimeLimits } from './time-limits.ts';

/** Whether the body is to be read first: not of what is one side of a conversation (gRPC, WebSocket). */
export function wantsBodyFirst({ stream, body }: Exchange): boolean {
  const { head } = stream;
  return body === null && !stream.isRequestComplete && head.upgrade === '' && !isGrpc(head.fields.forward);
}

export class BodyBuffer implements RequestSink, TimedOwner {
  readonly #exchange: Exchange;
  readonly #maxBytes: number;
  readonly #kept: KeptBody;
  readonly #then: () => void;
  readonly #time: TimeLimits | null;

  /**
   * @param maxBytes larger bodies are refused with 413
   * @param timeoutMs of the whole exchange; 0 = none
   * @param then all of it is in `exchange.body`; not called when the exchange ends before
   */
  constructor(exchange: Exchange, maxBytes: number, timeoutMs: number, then: () => void) {
    this.#exchange = exchange;
    this.#maxBytes = maxBytes;
    this.#kept = new KeptBody(maxBytes);
    this.#then = then;
    this.#time = TimeLimits.of(this, exchange.deps, exchange.stream.startedMs, timeoutMs, undefined);
    exchange.relay = this;
  }

  start(): void {
    const { stream } = this.#exchange;
    const { fields } = stream.head;
    if (fields.contentLength > this.#maxBytes) {
      this.onBodyFault(tooLarge(this.#maxBytes));
      return;
    }
    // No server will say it in time.
    if (fields.expect !== '') stream.sendInterim(100, 'Continue', '');
    stream.resumeBody();
  }

  onBodyData(chunk: Buffer): void {
    if (this.#kept.sizeBytes + chunk.length > this.#maxBytes) this.onBodyFault(tooLarge(this.#maxBytes));
    else this.#kept.add(chunk);
  }

  onBodyEnd(trailers: string): void {
    const exchange = this.#exchange;
    this.#leave();
    this.#kept.end(trailersForServer(exchange, trailers), exchange.deps.clock.nowMs());
    exchange.body = this.#kept;
    try {
      this.#then();
    } catch (error) {
      exchange.deps.log.error('a request made a phase throw', { request_id: exchange.requestId, error });
      exchange.onBodyFault(new HttpFault('internal', ''));
    }
  }

  onBodyFault({ reason, detail }: HttpFault): void {
    this.#leave();
    this.#kept.drop();
    this.#exchange.refuse(reason, detail);
  }

  onClientGone(): void {
    this.#leave();
    this.#exchange.finish('client_abort');
  }

  onClientDrain(): void {}

  heldBytes(): number {
    return this.#kept.sizeBytes;
  }

  onAttemptLate(): void {}

  onRouteLate(): void {
    this.onBodyFault(new HttpFault(ROUTE_TIMEOUT.reason, ROUTE_TIMEOUT.detail));
  }

  #leave(): void {
    this.#time?.stop();
    this.#exchange.relay = null;
  }
}
