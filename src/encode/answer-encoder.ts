/**
 * Compresses the body of one answer on its way from a server to the client.
 *
 *   server ─ sendBody ─▶ zlib (a thread of libuv's) ─ data ─▶ sink.sendBody ─▶ client
 *                │ more than 64 KiB wait: false              │ false: zlib is paused until the client has taken it
 *                ▼                                           ▼
 *          the server is paused until onRoom           zlib takes no more, and so on to the server
 *
 * So what is held is bounded: 64 KiB and a read of the server before, 64 KiB behind, and the windows of the coding.
 * What comes without a length (events, pages made bit by bit) is flushed at the end of each read: nothing a server has sent waits for
 * more to come. Levels are those for the fly: further ones cost several times as much for a few percent.
 */
import {
  type BrotliCompress,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  type Gzip,
  type ZstdCompress,
} from 'node:zlib';
import type { Coding } from './compression-rule.ts';
import type { EncoderPlaces } from './encoder-places.ts';

/** Where the bytes of an answer go: a client's stream, or something before it. */
export interface AnswerSink {
  /** @returns false when the range must stay untouched until there is room again */
  sendBody(buffer: Buffer, from: number, to: number): boolean;
  flush(): void;
  endAnswer(trailers: string): void;
}

/** Stands between a server's answer and the client, and ends the exchange when the answer is over. */
export interface AnswerFilter extends AnswerSink {
  onClientDrain(): void;
  readonly heldBytes: number;
  /** Nobody wants the rest. */
  destroy(): void;
}

export interface EncoderEvents {
  /** After a `sendBody` that returned false. */
  onRoom(): void;
  /** All of the answer has been given to the sink. */
  onEncoded(rawBytes: number, codedBytes: number): void;
  onEncodeFailed(error: Error): void;
}

const BUFFERED_BYTES = 64 * 1024;
const OUT_BYTES = 32 * 1024;

/** Windows and tables of each coding, measured (100 encoders at 64 KiB each). */
const STATE_BYTES: Readonly<Record<Coding, number>> = { gzip: 256 * 1024, br: 768 * 1024, zstd: 896 * 1024 };

export class AnswerEncoder implements AnswerFilter {
  readonly #zip: Gzip | BrotliCompress | ZstdCompress;
  readonly #coding: Coding;
  readonly #sink: AnswerSink;
  readonly #events: EncoderEvents;
  readonly #places: EncoderPlaces;
  readonly #flushesReads: boolean;
  #trailers = '';
  #rawBytes = 0;
  #codedBytes = 0;
  #isOver = false;

  /** @param places one of them is taken for it; it is given back at the end, whatever that is */
  constructor(
    coding: Coding,
    flushesReads: boolean,
    wiring: { readonly sink: AnswerSink; readonly events: EncoderEvents; readonly places: EncoderPlaces },
  ) {
    this.#coding = coding;
    this.#flushesReads = flushesReads;
    this.#sink = wiring.sink;
    this.#events = wiring.events;
    this.#places = wiring.places;
    this.#zip = makeEncoder(coding);
    this.#zip.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#zip.on('drain', () => {
      if (!this.#isOver) this.#events.onRoom();
    });
    this.#zip.on('end', () => this.#onEnd());
    this.#zip.on('error', (error) => this.#onError(error));
  }

  sendBody(buffer: Buffer, from: number, to: number): boolean {
    this.#rawBytes += to - from;
    // The buffer is read into again while another thread compresses.
    return this.#zip.write(Buffer.from(buffer.subarray(from, to)));
  }

  /** The end of a read of the server. */
  flush(): void {
    if (this.#flushesReads && !this.#isOver) this.#zip.flush(FLUSH[this.#coding]);
  }

  endAnswer(trailers: string): void {
    this.#trailers = trailers;
    this.#zip.end();
  }

  onClientDrain(): void {
    if (!this.#isOver) this.#zip.resume();
  }

  get heldBytes(): number {
    if (this.#isOver) return 0;
    return STATE_BYTES[this.#coding] + this.#zip.writableLength + this.#zip.readableLength;
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#zip.destroy();
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#codedBytes += chunk.length;
    if (!this.#sink.sendBody(chunk, 0, chunk.length)) this.#zip.pause();
    if (this.#flushesReads) this.#sink.flush();
  }

  #onEnd(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#sink.endAnswer(this.#trailers);
    this.#events.onEncoded(this.#rawBytes, this.#codedBytes);
  }

  #onError(error: Error): void {
    if (this.#isOver) return;
    this.#finish();
    this.#events.onEncodeFailed(error);
  }

  #finish(): void {
    this.#isOver = true;
    this.#places.giveBack();
  }
}

const FLUSH: Readonly<Record<Coding, number>> = {
  gzip: constants.Z_SYNC_FLUSH,
  br: constants.BROTLI_OPERATION_FLUSH,
  zstd: constants.ZSTD_e_flush,
};

function makeEncoder(coding: Coding): Gzip | BrotliCompress | ZstdCompress {
  const sizes = { chunkSize: OUT_BYTES, highWaterMark: BUFFERED_BYTES };
  switch (coding) {
    case 'gzip':
      return createGzip({ ...sizes, level: 5 });
    case 'br':
      return createBrotliCompress({
        ...sizes,
        params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 },
      });
    case 'zstd':
      return createZstdCompress({
        ...sizes,
        params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_windowLog]: 18 },
      });
    default:
      return coding satisfies never;
  }
}
