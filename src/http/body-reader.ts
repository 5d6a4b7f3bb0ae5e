/**
 * The body of a request as it comes in: where it ends (length or chunks), how large it may be, and its pace. The
 * clock of the pace runs only while we are willing to read: time that a slow server costs is not the client's.
 */
import { ChunkedDecoder, type ChunkSink, filterTrailers } from './chunked.ts';
import { HttpFault } from './fault.ts';
import { BodyPace } from './pace.ts';
import type { RequestFields } from './request-fields.ts';
import type { RequestHead } from './request-head.ts';
import type { WireLimits } from './wire.ts';

export class BodyReader implements ChunkSink {
  readonly #limits: WireLimits;
  readonly #decoder: ChunkedDecoder | null;
  #remaining: number;
  #bytes = 0;
  /** Where the data of one read lies in it, chunk heads taken out; -1 = none yet. */
  #from = -1;
  #to = -1;
  readonly #pace: BodyPace;
  /** Of the data, since the pace was told last. */
  #unpacedBytes = 0;

  /** Only for requests that have a body to come (`hasBody`). */
  constructor(fields: RequestFields, limits: WireLimits, nowMs: number) {
    this.#limits = limits;
    this.#decoder = fields.isChunked ? new ChunkedDecoder(limits.maxHeadBytes) : null;
    this.#remaining = fields.isChunked ? 0 : fields.contentLength;
    this.#pace = new BodyPace(limits, nowMs);
  }

  get isDone(): boolean {
    return this.#decoder ? this.#decoder.isDone : this.#remaining === 0;
  }

  /** How much of the message may still come, framing included. */
  get expectedBytes(): number {
    return this.#decoder ? Number.POSITIVE_INFINITY : this.#remaining;
  }

  /**
   * Reads from `offset` on.
   * @returns where the body, or the chunk of bytes, ended
   */
  push(chunk: Buffer, offset: number, sink: ChunkSink): number | HttpFault {
    this.#from = -1;
    const end = this.#decoder
      ? this.#decoder.push(chunk, offset, chunk.length, this)
      : this.#takeLength(chunk, offset);
    if (end instanceof HttpFault) return end;
    const size = this.#from < 0 ? 0 : this.#to - this.#from;
    this.#bytes += size;
    this.#unpacedBytes += size;
    if (this.#limits.maxBodyBytes > 0 && this.#bytes > this.#limits.maxBodyBytes)
      return tooLarge(this.#limits);
    if (size > 0) sink.onChunkData(chunk, this.#from, this.#to);
    return end;
  }

  #takeLength(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#remaining);
    this.#remaining -= end - offset;
    if (end > offset) this.onChunkData(chunk, offset, end);
    return end;
  }

  /**
   * Data of one chunk, from the decoder. It is moved up to that of the chunk before, so that a read goes on in one piece
   * however small its chunks are: a piece costs some writes and some hundred bytes of memory, a chunk may hold one.
   */
  onChunkData(buffer: Buffer, from: number, to: number): void {
    if (this.#from < 0) {
      this.#from = from;
      this.#to = to;
      return;
    }
    buffer.copyWithin(this.#to, from, to);
    this.#to += to - from;
  }

  /** The trailers that may go on, once the body is done. */
  trailers(): string | HttpFault {
    const section = this.#decoder?.trailers ?? '';
    return section === '' ? '' : filterTrailers(section, this.#limits.maxFields);
  }

  // ---- pace

  /** Bytes came. @returns the next deadline */
  progress(nowMs: number): number {
    const bytes = this.#unpacedBytes;
    this.#unpacedBytes = 0;
    return this.#pace.moved(bytes, nowMs);
  }

  /** Reading goes on after we had stopped it. @returns the next deadline */
  restart(nowMs: number): number {
    this.#unpacedBytes = 0;
    return this.#pace.begin(nowMs);
  }

  /** A deadline has passed: the client is too slow (a fault), or the time of the next deadline. */
  look(nowMs: number): number | HttpFault {
    return this.#pace.look(nowMs);
  }
}

/** Whether body bytes follow a head with these fields. */
export function hasBody(fields: RequestFields): boolean {
  return fields.isChunked || fields.contentLength > 0;
}

/** What is wrong with the body that a head announces, before a byte of it has come. */
export function announcedFault(head: RequestHead, limits: WireLimits): HttpFault | null {
  const { expect, contentLength } = head.fields;
  if (expect !== '' && expect !== '100-continue' && head.minor === 1)
    return new HttpFault('expectation', 'an expectation other than 100-continue');
  if (limits.maxBodyBytes > 0 && contentLength > limits.maxBodyBytes) return tooLarge(limits);
  return null;
}

function tooLarge(limits: WireLimits): HttpFault {
  return new HttpFault('too_large', `the body is larger than ${limits.maxBodyBytes} bytes`);
}
