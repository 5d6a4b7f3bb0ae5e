/**
 * The body of a request over HTTP/2: its data, size, pace and trailers. It is read while the phases take it; what is not
 * read keeps its window closed. One for which there is no memory waits for some as long as a client may be silent.
 */
import type { ServerHttp2Stream } from 'node:http2';
import { BodyPace, filterTrailers, HttpFault, type WireLimits } from '../http/index.ts';
import type { MemoryPressure } from '../kernel/memory.ts';

export const NEVER = Number.POSITIVE_INFINITY;
export const FRAME_BYTES = 9;
/** Control bytes other than HTAB. */
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Whose body it is. */
interface BodyOwner {
  readonly limits: WireLimits;
  readonly memory: MemoryPressure;
  nowMs(): number;
  /** Bytes of the client that serve something, frames included. */
  useful(bytes: number): void;
}

/** Who gets the body. */
export interface BodyTaker {
  /** So much came for this body. */
  onBodyBytes(sizeBytes: number): void;
  onBodyData(chunk: Buffer): void;
  onBodyOver(trailers: string): void;
  onBodyFault(fault: HttpFault): void;
  /** `dueMs` has moved. */
  onBodyDue(): void;
}

export class StreamBody {
  readonly #node: ServerHttp2Stream;
  readonly #owner: BodyOwner;
  readonly #taker: BodyTaker;
  /** null before it is read, and when it is over. */
  #pace: BodyPace | null = null;
  #paceLimits: WireLimits;
  #isPaused = false;
  /** It waits for memory. */
  #isShort = false;
  #bytes = 0;
  #trailers: string | HttpFault = '';
  /** When a byte of it is due. */
  dueMs = NEVER;

  constructor(node: ServerHttp2Stream, owner: BodyOwner, taker: BodyTaker) {
    this.#node = node;
    this.#owner = owner;
    this.#taker = taker;
    this.#paceLimits = owner.limits;
  }

  /** It is one side of a conversation: it may be slow, and silent for so long. */
  converse(silenceMs: number): void {
    this.#paceLimits = { ...this.#owner.limits, bodyTimeoutMs: silenceMs, minRate: 0 };
    if (this.#pace === null) return;
    this.#pace = new BodyPace(this.#paceLimits, this.#owner.nowMs());
    this.restart();
  }

  /** Starts to read, as soon as there is memory for it. */
  open(): void {
    this.#isShort = this.#owner.memory.isTight;
    if (this.#isShort) this.#setDue(this.#owner.nowMs() + this.#paceLimits.bodyTimeoutMs);
    else this.#read();
  }

  /** There is memory again. */
  relieve(): void {
    if (!this.#isShort) return;
    this.#isShort = false;
    this.#read();
  }

  #read(): void {
    const node = this.#node;
    this.#pace = new BodyPace(this.#paceLimits, this.#owner.nowMs());
    this.restart();
    node.on('trailers', (_fields, _flags, raw?: string[]) => {
      this.#trailers = this.#readTrailers(raw ?? []);
    });
    node.on('data', (chunk: Buffer) => this.#onData(chunk));
    node.on('end', () => this.#onEnd());
    if (this.#isPaused) node.pause();
  }

  #onData(chunk: Buffer): void {
    const size = chunk.length;
    this.#count(size);
    if (this.#pace === null) return;
    const { maxBodyBytes } = this.#owner.limits;
    this.#bytes += size;
    if (maxBodyBytes > 0 && this.#bytes > maxBodyBytes) {
      this.#fail(new HttpFault('too_large', `the body is larger than ${maxBodyBytes} bytes`));
      return;
    }
    this.#setDue(this.#pace.moved(size, this.#owner.nowMs()));
    this.#taker.onBodyData(chunk);
  }

  #count(sizeBytes: number): void {
    this.#owner.useful(sizeBytes + FRAME_BYTES);
    this.#taker.onBodyBytes(sizeBytes);
  }

  #onEnd(): void {
    if (this.#pace === null) return;
    const trailers = this.#trailers;
    if (trailers instanceof HttpFault) {
      this.#fail(trailers);
      return;
    }
    this.drop();
    this.#taker.onBodyOver(trailers);
  }

  #readTrailers(raw: readonly string[]): string | HttpFault {
    let lines = '';
    for (let at = 0; at < raw.length; at += 2) {
      if (CONTROL.test(raw[at + 1] as string))
        return new HttpFault('bad_request', 'a control byte in the trailers');
      lines += `${raw[at]}: ${raw[at + 1]}\r\n`;
    }
    this.#count(lines.length);
    return filterTrailers(lines, this.#owner.limits.maxFields);
  }

  #fail(fault: HttpFault): void {
    this.drop();
    this.#taker.onBodyFault(fault);
  }

  /** What comes from now on is thrown away. */
  drop(): void {
    this.relieve();
    this.#pace = null;
    this.#setDue(NEVER);
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    if (this.#pace === null) return;
    this.#node.pause();
    this.#setDue(NEVER);
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#pace === null) return;
    this.restart();
    this.#node.resume();
  }

  /** The time that was not the client's to use is forgotten. */
  restart(): void {
    if (this.#isShort) this.#setDue(this.dueMs);
    else if (this.#pace && !this.#isPaused) this.#setDue(this.#pace.begin(this.#owner.nowMs()));
  }

  look(nowMs: number): void {
    if (this.#isShort) {
      if (nowMs >= this.dueMs) this.#fail(new HttpFault('overloaded', 'there was no memory for the body'));
      return;
    }
    const next = this.#pace?.look(nowMs) ?? NEVER;
    if (next instanceof HttpFault) this.#fail(next);
    else this.#setDue(next);
  }

  #setDue(dueMs: number): void {
    this.dueMs = dueMs;
    this.#taker.onBodyDue();
  }
}
