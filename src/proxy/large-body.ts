/**
 * Gives a client a body of ours that is too large for one piece, such as a picture: the next piece when there is room for it, as it
 * would come from a server. So what a slow client holds is a piece, its pace is judged by each, and `bandwidth` holds for it.
 */
import type { HttpFault, RequestSink } from '../http/index.ts';
import type { Reason } from '../kernel/reason.ts';
import type { Exchange } from './exchange.ts';
import { breakOff } from './grpc.ts';

/** As much as is read of a server at once. */
export const PIECE_BYTES = 64 * 1024;

export class LargeBody implements RequestSink {
  readonly #exchange: Exchange;
  readonly #body: Buffer;
  readonly #reason: Reason;
  #sentBytes = 0;
  #isFull = false;

  /**
   * The head of the answer has been given.
   * @param body nobody writes to it any more
   * @param reason what the exchange ends with when the client has been given all
   */
  constructor(exchange: Exchange, body: Buffer, reason: Reason) {
    this.#exchange = exchange;
    this.#body = body;
    this.#reason = reason;
    exchange.relay = this;
  }

  send(): void {
    const { stream } = this.#exchange;
    while (!this.#isFull && this.#sentBytes < this.#body.length) {
      // From 0 on: a wire may write its head into what lies before the start of a range.
      const piece = this.#body.subarray(this.#sentBytes, this.#sentBytes + PIECE_BYTES);
      this.#sentBytes += piece.length;
      this.#isFull = !stream.sendBody(piece, 0, piece.length);
    }
    if (this.#isFull) {
      stream.flush();
      return;
    }
    stream.endAnswer('');
    this.#exchange.finish(this.#reason);
  }

  onClientDrain(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.send();
  }

  onBodyFault({ reason, detail }: HttpFault): void {
    breakOff(this.#exchange, reason, detail);
  }

  onClientGone(): void {
    this.#exchange.finish('client_abort');
  }

  /** The request was answered without its body. */
  onBodyData(): void {}
  onBodyEnd(): void {}

  /** The bytes are the route's, and lie there once for all. */
  heldBytes(): number {
    return 0;
  }
}
