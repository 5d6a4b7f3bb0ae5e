/**
 * The chunked coding (RFC 9112 section 7.1), decoded strictly and incrementally. Sizes are hex digits and nothing
 * else; extensions are read, bounded and dropped; trailers are collected, bounded. What goes on is framed anew
 * by `chunkHead`, so that no odd spelling of a peer ever reaches the other side.
 */
import { HttpFault } from './fault.ts';
import { classifyName, INVALID, PASS } from './names.ts';
import { hasForbiddenBytes, trimOws } from './syntax.ts';

/** Receives the data of chunks as ranges of the buffer that was pushed. */
export interface ChunkSink {
  onChunkData(buffer: Buffer, start: number, end: number): void;
}

const SIZE_START = 0;
const SIZE = 1;
const EXTENSION = 2;
const SIZE_LF = 3;
const DATA = 4;
const DATA_CR = 5;
const DATA_LF = 6;
const TRAILERS = 7;
const DONE = 8;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

/** Longest run of hex digits taken as a size; 2^53 needs 14. */
const MAX_SIZE_DIGITS = 16;
/** Extension bytes over a whole body: nobody uses them, floods do (CVE-2023-39326). */
const MAX_EXTENSION_BYTES = 4096;

export class ChunkedDecoder {
  #state = SIZE_START;
  #digits = 0;
  #size = 0;
  #extensionBytes = 0;
  readonly #maxTrailerBytes: number;
  /** The trailer section as received, each line with its CRLF; complete when `isDone`. */
  trailers = '';

  constructor(maxTrailerBytes: number) {
    this.#maxTrailerBytes = maxTrailerBytes;
  }

  get isDone(): boolean {
    return this.#state === DONE;
  }

  /**
   * Decodes `buffer[start, end)`.
   * @returns where the body ended (below `end`: the rest belongs to the next message), `end` when more is to come
   *   (see `isDone`), or a fault
   */
  push(buffer: Buffer, start: number, end: number, sink: ChunkSink): number | HttpFault {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case SIZE_START:
        case SIZE: {
          const fault = this.#readSize(buffer[at++] as number);
          if (fault) return fault;
          break;
        }
        case EXTENSION: {
          const byte = buffer[at] as number;
          if (byte === CR) this.#state = SIZE_LF;
          else if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f)
            return new HttpFault('bad_request', 'a control byte in a chunk extension');
          else if (++this.#extensionBytes > MAX_EXTENSION_BYTES)
            return new HttpFault('bad_request', 'too many bytes of chunk extensions');
          at++;
          break;
        }
        case SIZE_LF:
          if (buffer[at++] !== LF) return new HttpFault('bad_request', 'a CR without LF after a chunk size');
          this.#state = this.#size === 0 ? TRAILERS : DATA;
          break;
        case DATA: {
          const take = Math.min(this.#size, end - at);
          sink.onChunkData(buffer, at, at + take);
          at += take;
          this.#size -= take;
          if (this.#size === 0) this.#state = DATA_CR;
          break;
        }
        case DATA_CR:
          if (buffer[at++] !== CR) return new HttpFault('bad_request', 'a chunk longer than its size');
          this.#state = DATA_LF;
          break;
        case DATA_LF:
          if (buffer[at++] !== LF) return new HttpFault('bad_request', 'a CR without LF after a chunk');
          this.#digits = 0;
          this.#state = SIZE_START;
          break;
        case TRAILERS: {
          const next = this.#readTrailers(buffer, at, end);
          if (next instanceof HttpFault) return next;
          at = next;
          break;
        }
        default:
          return at;
      }
    }
    return at;
  }

  /** A digit of a size, or what ends it. */
  #readSize(byte: number): HttpFault | null {
    const digit = hexValue(byte);
    if (digit >= 0) {
      if (++this.#digits > MAX_SIZE_DIGITS)
        return new HttpFault('bad_request', 'a chunk size with too many digits');
      this.#size = this.#size * 16 + digit;
      this.#state = SIZE;
      return null;
    }
    if (this.#state === SIZE_START) return new HttpFault('bad_request', 'a chunk size that is no hex number');
    if (this.#size > Number.MAX_SAFE_INTEGER)
      return new HttpFault('bad_request', 'a chunk size out of range');
    if (byte === CR) this.#state = SIZE_LF;
    else if (byte === SEMICOLON) this.#state = EXTENSION;
    else return new HttpFault('bad_request', 'a chunk size followed by junk');
    return null;
  }

  /** Collects lines up to the empty one. */
  #readTrailers(buffer: Buffer, start: number, end: number): number | HttpFault {
    const room = this.#maxTrailerBytes + 4 - this.trailers.length;
    const piece = buffer.toString('latin1', start, Math.min(end, start + room));
    const before = this.trailers.length;
    const text = this.trailers + piece;
    const done = text.startsWith('\r\n') ? 0 : text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (hasForbiddenBytes(done < 0 ? text : text.slice(0, done + 2)))
      return new HttpFault('bad_request', 'control byte, bare CR or bare LF in the trailers');
    if (done < 0) {
      if (text.length > this.#maxTrailerBytes) return new HttpFault('head_too_large', 'trailers too large');
      this.trailers = text;
      return start + piece.length;
    }
    const sectionEnd = text.startsWith('\r\n') ? 2 : done + 4;
    this.trailers = text.slice(0, sectionEnd - 2);
    this.#state = DONE;
    return start + sectionEnd - before;
  }
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** `1a\r\n`: what stands before `sizeBytes` bytes of data and a CRLF. */
export function chunkHead(sizeBytes: number): string {
  return `${sizeBytes.toString(16)}\r\n`;
}

/** Fields that must not arrive late (RFC 9110 section 6.5.1): they authorise, route, or describe the content. */
const NEVER_IN_TRAILERS =
  /^(?:host|authorization|set-cookie|cookie2?|content-.*|cache-control|expires|date|location|retry-after|vary|warning|age|max-forwards|range|if-.*|pragma|www-authenticate|via)$/;

/**
 * Checks a trailer section and leaves only what may go on: no framing, hop-by-hop, identity or control fields.
 * @returns lines with CRLF each, possibly '', or a fault
 */
export function filterTrailers(section: string, maxFields: number): string | HttpFault {
  let kept = '';
  let count = 0;
  for (let lineStart = 0; lineStart < section.length; ) {
    const lineEnd = section.indexOf('\r\n', lineStart);
    const colon = section.indexOf(':', lineStart);
    if (++count > maxFields) return new HttpFault('head_too_large', 'too many trailers');
    if (lineEnd < 0 || colon < 0 || colon > lineEnd)
      return new HttpFault('bad_request', 'a trailer line without a colon');
    const name = section.slice(lineStart, colon);
    const kind = classifyName(section, lineStart, colon);
    if (kind === INVALID) return new HttpFault('bad_request', 'a trailer name is not a token');
    if (kind === PASS && !NEVER_IN_TRAILERS.test(name.toLowerCase())) {
      kept += `${name}: ${trimOws(section.slice(colon + 1, lineEnd))}\r\n`;
    }
    lineStart = lineEnd + 2;
  }
  return kept;
}
