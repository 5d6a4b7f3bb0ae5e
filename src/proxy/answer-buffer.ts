/**
 * Takes from a server what its client is too slow for, on routes that ask for it, so that the server is free as soon as it has
 * answered. Nothing waits here that the client would take: it gets each piece as soon as it has room.
 *
 *   server ─▶ sendBody ─▶ [ up to maxBytes ] ─▶ sink ─▶ client       more than that: the server waits, as without
 */
import type { AnswerSink } from '../encode/index.ts';
import { type AnswerHead, fieldValue } from '../http/index.ts';

/** Small pieces are put together in blocks of this size: each costs memory beside its bytes. */
const BLOCK_BYTES = 16 * 1024;

interface Block {
  readonly bytes: Buffer;
  used: number;
}

export interface AnswerBufferEvents {
  /** There is room again after a `sendBody` that returned false. */
  makeRoom(): void;
  /** All of the answer has been given to the sink. */
  onAnswerGiven(): void;
}

/**
 * Whether an answer may be held back: not one that is told as it happens (events), nor one whose server says that it must not
 * (`X-Accel-Buffering: no`, as nginx has it).
 */
export function mayBeBuffered({ framing, fields }: AnswerHead): boolean {
  if (framing === 'none') return false;
  if (/^text\/event-stream[ \t]*(?:;|$)/i.test(fieldValue(fields, 'content-type') ?? '')) return false;
  return fieldValue(fields, 'x-accel-buffering')?.toLowerCase() !== 'no';
}

export class AnswerBuffer implements AnswerSink {
  readonly #sink: AnswerSink;
  readonly #events: AnswerBufferEvents;
  readonly #maxBytes: number;
  #blocks: Block[] = [];
  /** Of all blocks, and of what in them waits. */
  #blockBytes = 0;
  #waitingBytes = 0;
  /** The sink has no room. */
  #isFull = false;
  /** The last `sendBody` said so of this. */
  #isServerWaiting = false;
  /** null = more is to come. */
  #trailers: string | null = null;

  constructor(maxBytes: number, sink: AnswerSink, events: AnswerBufferEvents) {
    this.#maxBytes = maxBytes;
    this.#sink = sink;
    this.#events = events;
  }

  /** Copies the range: the server's connection may read on into its buffer. */
  sendBody(buffer: Buffer, from: number, to: number): boolean {
    if (!this.#isFull) {
      const piece = Buffer.from(buffer.subarray(from, to));
      this.#isFull = !this.#sink.sendBody(piece, 0, piece.length);
      return true;
    }
    this.#put(buffer, from, to);
    this.#isServerWaiting = this.#waitingBytes >= this.#maxBytes;
    return !this.#isServerWaiting;
  }

  #put(buffer: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      let last = this.#blocks.at(-1);
      if (last === undefined || last.used === last.bytes.length) {
        last = { bytes: Buffer.allocUnsafeSlow(Math.max(to - at, BLOCK_BYTES)), used: 0 };
        this.#blocks.push(last);
        this.#blockBytes += last.bytes.length;
      }
      const copied = buffer.copy(last.bytes, last.used, at, to);
      last.used += copied;
      at += copied;
      this.#waitingBytes += copied;
    }
  }

  flush(): void {
    this.#sink.flush();
  }

  endAnswer(trailers: string): void {
    this.#trailers = trailers;
    if (this.#blocks.length === 0) this.#end();
    else this.#sink.flush();
  }

  onClientDrain(): void {
    this.#isFull = false;
    while (!this.#isFull) {
      const block = this.#blocks.shift();
      if (block === undefined) break;
      this.#blockBytes -= block.bytes.length;
      this.#waitingBytes -= block.used;
      this.#isFull = !this.#sink.sendBody(block.bytes, 0, block.used);
    }
    if (this.#blocks.length === 0 && this.#trailers !== null) {
      this.#end();
      return;
    }
    this.#sink.flush();
    // Not for each block: starting a server costs more than to let it wait a little longer.
    if (!this.#isServerWaiting || this.#waitingBytes > this.#maxBytes / 2) return;
    this.#isServerWaiting = false;
    this.#events.makeRoom();
  }

  #end(): void {
    this.#sink.endAnswer(this.#trailers ?? '');
    this.#events.onAnswerGiven();
  }

  get heldBytes(): number {
    return this.#blockBytes;
  }

  /** Nobody wants the rest. */
  drop(): void {
    this.#blocks = [];
    this.#blockBytes = this.#waitingBytes = 0;
  }
}
