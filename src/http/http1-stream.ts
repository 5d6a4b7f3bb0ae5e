/**
 * The answer side of one HTTP/1.1 exchange with a client: frames the answer and writes it in as few pieces as
 * possible. Text (the head, small bodies, chunk sizes) is held in one string until `flush`, so that a small
 * answer is one write; a large body range goes out as it stands in the server connection's read buffer,
 * with the head written into the free bytes before it.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientInfo } from '../kernel/client-info.ts';
import { flat } from '../kernel/flat.ts';
import type { SocketWriter, Written } from '../kernel/socket-write.ts';
import { type ChunkSink, chunkHead } from './chunked.ts';
import { HttpFault } from './fault.ts';
import type { HttpDate } from './http-date.ts';
import type { RequestHead } from './request-head.ts';
import type { TunnelEnd } from './tunnel-end.ts';
import type { AnswerHead, ClientStream, RequestSink } from './wire.ts';

/** Below this a body range is copied into the held text; above it is written from where it lies. */
const COPY_BELOW_BYTES = 4096;
/** A first non-final flush above this is sent at once instead of being held longer. */
const HOLD_AT_MOST_BYTES = 16 * 1024;

const STATUS_LINES: ReadonlyMap<number, { phrase: string; line: string }> = new Map(
  Object.entries(STATUS_CODES).map(([status, phrase = '']) => [
    Number(status),
    { phrase, line: flat(`HTTP/1.1 ${status} ${phrase}\r\n`) },
  ]),
);

function statusLine(status: number, phrase: string): string {
  const usual = STATUS_LINES.get(status);
  return usual?.phrase === phrase ? usual.line : `HTTP/1.1 ${status} ${phrase}\r\n`;
}

/** What the stream needs of its connection. */
export interface StreamOwner {
  readonly socket: Socket;
  readonly writer: SocketWriter;
  readonly client: ClientInfo;
  readonly isClosing: boolean;
  readonly date: HttpDate;
  pauseReading(isInUse: boolean): void;
  resumeReading(): void;
  onAnswerEnd(stream: Http1Stream): void;
  onWaitingForDrain(): void;
  /** Given to writes whose buffer must stay untouched until they are done. */
  readonly onWritten: Written;
  switchProtocols(): TunnelEnd;
}

export class Http1Stream implements ClientStream, ChunkSink {
  readonly client: ClientInfo;
  readonly head: RequestHead;
  readonly protocol: string;
  readonly switchStatus = 101;
  readonly takesLargePieces = true;
  readonly startedMs: number;
  sink: RequestSink | null = null;
  bytesIn: number;
  bytesOut = 0;
  isRequestComplete = false;
  isAnswerStarted = false;
  isAnswerEnded = false;
  /** After this exchange the connection closes. */
  closesAfter: boolean;
  readonly #owner: StreamOwner;
  #held = '';
  #isChunked = false;
  /** The answer has neither length nor chunks (HTTP/1.0). */
  #endsByClose = false;
  /** Bytes of a 'length' answer still to come; guards against a body that does not fit its head. */
  #remaining = -1;
  /** `bytesOut` when the answer began. */
  #answerFrom = 0;

  constructor(owner: StreamOwner, head: RequestHead, startedMs: number, bytesIn: number) {
    this.#owner = owner;
    this.client = owner.client;
    this.head = head;
    this.protocol = head.minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0';
    this.startedMs = startedMs;
    this.bytesIn = bytesIn;
    this.closesAfter = !head.keepsAlive;
  }

  /** A range of body data, from the reader of the body. */
  onChunkData(chunk: Buffer, from: number, to: number): void {
    this.sink?.onBodyData(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  pauseBody(isInUse: boolean): void {
    this.#owner.pauseReading(isInUse);
  }

  resumeBody(): void {
    this.#owner.resumeReading();
  }

  converse(): void {}

  sendInterim(status: number, phrase: string, fields: string): void {
    if (this.head.minor === 0 || this.isAnswerStarted) return;
    this.#held += `HTTP/1.1 ${status} ${phrase}\r\n${fields}\r\n`;
    this.flush();
  }

  startAnswer(answer: AnswerHead): void {
    // hot path
    this.isAnswerStarted = true;
    this.#answerFrom = this.bytesOut;
    // A body that is still coming would be read as the next request: this connection carries no other.
    if (!this.isRequestComplete || this.#owner.isClosing) this.closesAfter = true;
    this.#frame(answer);
    if (this.head.minor === 0 || this.closesAfter || !answer.hasDate) this.#held += this.#textOf(answer);
    else if (answer.memo !== '') this.#held += answer.memo;
    else {
      answer.memo = flat(this.#textOf(answer));
      this.#held += answer.memo;
    }
  }

  takeBack(): boolean {
    if (this.isAnswerEnded || this.bytesOut !== this.#answerFrom || this.#owner.socket.destroyed)
      return false;
    this.#held = '';
    this.#isChunked = this.#endsByClose = false;
    this.#remaining = -1;
    return true;
  }

  #frame(answer: AnswerHead): void {
    switch (answer.framing) {
      case 'length':
        this.#remaining = answer.contentLength;
        break;
      case 'none':
        this.#remaining = 0;
        break;
      case 'chunked':
      case 'close':
        // An end marked by the connection's end is marked by the last chunk where the client knows chunks.
        if (this.head.minor === 1) this.#isChunked = true;
        else this.#endsByClose = this.closesAfter = true;
        break;
      default:
        answer.framing satisfies never;
    }
  }

  #textOf({ status, phrase, fields, framing, contentLength, hasDate }: AnswerHead): string {
    let text = statusLine(status, phrase) + fields;
    if (!hasDate) text += this.#owner.date.line();
    const tellsLength = framing === 'none' && contentLength >= 0 && status >= 200 && status !== 204;
    if (framing === 'length' || tellsLength) text += `Content-Length: ${contentLength}\r\n`;
    else if (this.#isChunked) text += 'Transfer-Encoding: chunked\r\n';
    if (this.closesAfter) text += 'Connection: close\r\n';
    else if (this.head.minor === 0) text += 'Connection: keep-alive\r\n';
    return `${text}\r\n`;
  }

  sendBody(buffer: Buffer, from: number, to: number): boolean {
    const size = to - from;
    if (size === 0) return true;
    if (this.#remaining >= 0) this.#remaining -= size;
    const { socket, writer, onWritten } = this.#owner;
    if (size < COPY_BELOW_BYTES) {
      const text = buffer.toString('latin1', from, to);
      this.#held += this.#isChunked ? `${chunkHead(size)}${text}\r\n` : text;
      if (this.#held.length >= HOLD_AT_MOST_BYTES) this.flush();
      return !socket.writableNeedDrain || this.#waitForDrain();
    }
    const before = this.#isChunked ? this.#held + chunkHead(size) : this.#held;
    this.#held = '';
    this.bytesOut += before.length + size;
    const start = from - before.length;
    let isFree: boolean;
    if (start >= 0) {
      buffer.write(before, start, 'latin1');
      isFree = writer.writeBorrowed(buffer.subarray(start, to), onWritten);
    } else {
      writer.write(before);
      isFree = writer.writeBorrowed(buffer.subarray(from, to), onWritten);
    }
    if (this.#isChunked) this.#held = '\r\n';
    return isFree || this.#waitForDrain();
  }

  #waitForDrain(): false {
    this.#owner.onWaitingForDrain();
    return false;
  }

  endAnswer(trailers: string): void {
    if (this.isAnswerEnded) return;
    this.isAnswerEnded = true;
    if (this.#isChunked) this.#held += `0\r\n${this.head.fields.takesTrailers ? trailers : ''}\r\n`;
    this.flush();
    this.#owner.onAnswerEnd(this);
  }

  flush(): void {
    if (this.#held === '') return;
    const text = this.#held;
    this.#held = '';
    this.bytesOut += text.length;
    // Behind a write that somebody waits for this one is the last that tells of room.
    const { socket, writer, onWritten } = this.#owner;
    writer.putOff(text, socket.writableLength > 0 ? onWritten : undefined);
  }

  /** Bytes of a 'length' answer that were announced and not sent, -1 when its length was not announced. */
  get missingBytes(): number {
    return this.#remaining;
  }

  /** Ends an exchange for want of time, with an answer that says so. @returns false when an answer has begun */
  shed(): boolean {
    if (this.isAnswerStarted || this.sink === null) return false;
    this.closesAfter = true;
    this.sink.onBodyFault(new HttpFault('shutting_down', ''));
    return true;
  }

  abort(): void {
    this.#held = '';
    this.#owner.writer.flush();
    // Where the end of the connection ends the answer only a RST says that this is not it (TLS: no close_notify).
    if (this.#endsByClose && this.client.tlsVersion === '') this.#owner.socket.resetAndDestroy();
    else this.#owner.socket.destroy();
  }

  /** The handshake is between the client and the server. */
  checkSwitch(): string {
    return '';
  }

  switchProtocols(phrase: string, fields: string): TunnelEnd {
    this.isAnswerStarted = true;
    this.closesAfter = true;
    this.#held += `HTTP/1.1 101 ${phrase}\r\n${fields}\r\n`;
    this.flush();
    this.#owner.writer.flush();
    return this.#owner.switchProtocols();
  }
}

/** A whole answer of our own, outside any exchange; the connection closes after it. */
export function closingAnswer(head: AnswerHead, body: string, dateLine: string): string {
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${head.status} ${head.phrase}\r\n${head.fields}${dateLine}Content-Length: ${length}\r\nConnection: close\r\n\r\n${Buffer.from(body).toString('latin1')}`;
}
