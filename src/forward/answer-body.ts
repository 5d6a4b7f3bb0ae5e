import {
  type AnswerFraming,
  ChunkedDecoder,
  type ChunkSink,
  filterTrailers,
  type HttpFault,
  type ResponseHead,
} from '../http/index.ts';
import { DISCARD_BYTES } from './discard.ts';
import type { ConnectionLimits } from './options.ts';

/** The body of an answer as it comes in: where it ends, and its data. One for each connection, begun anew by each head. */
export class AnswerBody {
  readonly #limits: ConnectionLimits;
  #framing: AnswerFraming = 'none';
  #remaining = 0;
  #decoder: ChunkedDecoder | null = null;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  begin(head: ResponseHead, method: string): void {
    this.#framing = head.framing(method);
    this.#remaining = this.#framing === 'length' ? head.fields.contentLength : 0;
    this.#decoder = this.#framing === 'chunked' ? new ChunkedDecoder(this.#limits.maxHeadBytes) : null;
  }

  get isDone(): boolean {
    if (this.#decoder) return this.#decoder.isDone;
    return this.#framing !== 'close' && this.#remaining === 0;
  }

  /** What is still to come; Infinity = nobody knows. */
  get expectedBytes(): number {
    if (this.#framing === 'length') return this.#remaining;
    return this.isDone ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Whether reading what is left of it may cost less than a new connection; a chunked one does not tell. */
  get isShort(): boolean {
    return this.#framing !== 'close' && this.#remaining <= DISCARD_BYTES;
  }

  /** Whether only the end of the connection ends it. */
  get endsByClose(): boolean {
    return this.#framing === 'close';
  }

  /** Hands on the data in `buffer[at, to)`. @returns where the body, or the range, ended */
  push(buffer: Buffer, at: number, to: number, sink: ChunkSink): number | HttpFault {
    if (this.#decoder) return this.#decoder.push(buffer, at, to, sink);
    let end = to;
    if (this.#framing !== 'close') {
      end = Math.min(to, at + this.#remaining);
      this.#remaining -= end - at;
    }
    sink.onChunkData(buffer, at, end);
    return end;
  }

  /** The trailers that may go on, once the body is done. */
  trailers(): string | HttpFault {
    const section = this.#decoder?.trailers ?? '';
    return section === '' ? '' : filterTrailers(section, this.#limits.maxFields);
  }
}
