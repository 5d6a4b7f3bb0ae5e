/** One exchange over Node's request and response. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as http from '../http/index.ts';
import type { NodeConnection } from './node-connection.ts';

export class NodeStream implements http.ClientStream {
  readonly client;
  readonly head: http.RequestHead;
  readonly protocol: string;
  readonly switchStatus = 101;
  readonly takesLargePieces = false;
  readonly startedMs: number;
  readonly request: IncomingMessage;
  sink: http.RequestSink | null = null;
  bytesIn: number;
  bytesOut = 0;
  isRequestComplete: boolean;
  isAnswerEnded = false;
  /** After this exchange the connection closes. Node cannot go back to HTTP after an upgrade that was refused. */
  closesAfter: boolean;
  readonly pace: http.ExchangePace;
  readonly #connection: NodeConnection;
  readonly #response: ServerResponse;
  #isAnswerStarted = false;
  /** Of an answer of which nothing was sent yet. Not given to Node before that: what Node has cannot be taken back. */
  #heldHead: http.AnswerHead | null = null;
  #endsByClose = false;
  #hasContinued = false;
  /** Bytes of a 'length' answer still to come. */
  #remaining = 0;

  constructor(
    connection: NodeConnection,
    whole: http.WholeHead,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    const { deps, limits, socket } = connection;
    this.#connection = connection;
    this.client = connection.client;
    this.head = whole.head;
    this.protocol = whole.head.minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0';
    this.request = request;
    this.#response = response;
    this.bytesIn = whole.sizeBytes;
    this.startedMs = deps.clock.nowMs();
    this.closesAfter = !whole.head.keepsAlive || whole.head.upgrade !== '';
    this.isRequestComplete = !http.hasBody(whole.head.fields);
    this.pace = new http.ExchangePace({
      limits,
      clock: deps.clock,
      deadlines: deps.deadlines,
      hasBody: !this.isRequestComplete,
      takenBytes: () => this.bytesOut - socket.writableLength,
      onFault: (fault) => this.#onFault(fault),
    });
    response.on('drain', () => this.onRoom());
    response.on('finish', () => connection.onAnswerSent(this));
    if (this.isRequestComplete) return;
    request.on('data', (chunk: Buffer) => this.#onBodyData(chunk));
    request.on('end', () => this.#onBodyEnd());
  }

  #onBodyData(chunk: Buffer): void {
    if (this.sink === null || !this.pace.takesBody) return;
    this.bytesIn += chunk.length;
    if (this.pace.bodyMoved(chunk.length)) this.sink.onBodyData(chunk);
  }

  #onBodyEnd(): void {
    if (this.sink === null || !this.pace.takesBody) return;
    const trailers = http.filterTrailers(
      http.linesOf(this.request.rawTrailers),
      this.#connection.limits.maxFields,
    );
    if (trailers instanceof http.HttpFault) {
      this.pace.fail(trailers);
      return;
    }
    this.pace.endBody();
    this.isRequestComplete = true;
    this.sink.onBodyEnd(trailers);
  }

  /** The bytes of the body are at fault; not when nobody wants it any more. */
  failBody(fault: http.HttpFault): void {
    if (this.sink !== null && this.pace.takesBody) this.pace.fail(fault);
  }

  #onFault(fault: http.HttpFault): void {
    this.closesAfter = true;
    if (this.sink) this.sink.onBodyFault(fault);
    else this.#connection.socket.destroy();
  }

  pauseBody(): void {
    this.request.pause();
    this.pace.pauseBody();
  }

  converse(): void {}

  resumeBody(): void {
    this.pace.resumeBody();
    this.request.resume();
  }

  sendInterim(status: number, phrase: string, fields: string): void {
    if (this.head.minor === 0 || this.#isAnswerStarted) return;
    const text = `HTTP/1.1 ${status} ${phrase}\r\n${fields}\r\n`;
    this.bytesOut += text.length;
    this.#hasContinued ||= status === 100 && fields === '';
    if (status === 100 && fields === '') this.#response.writeContinue();
    else this.#connection.socket.write(text, 'latin1');
  }

  startAnswer(head: http.AnswerHead): void {
    this.#isAnswerStarted = true;
    this.#heldHead = head;
    if (head.framing === 'length') this.#remaining = head.contentLength;
  }

  takeBack(): boolean {
    if (this.#heldHead === null || this.isAnswerEnded) return false;
    this.#heldHead = null;
    this.#remaining = 0;
    return true;
  }

  /** Gives the head to Node, which sends it with what comes next. */
  #writeHead(): void {
    if (this.#heldHead === null) return;
    const { status, phrase, fields, framing, contentLength, hasDate } = this.#heldHead;
    const { isClosing, deps } = this.#connection;
    const { minor } = this.head;
    this.#heldHead = null;
    this.#endsByClose = minor === 0 && (framing === 'chunked' || framing === 'close');
    if (!this.isRequestComplete || isClosing || this.#endsByClose) this.closesAfter = true;
    let text = hasDate ? fields : fields + deps.date.line();
    if (framing === 'length' || (framing === 'none' && contentLength >= 0 && status !== 204))
      text += `Content-Length: ${contentLength}\r\n`;
    else if (framing !== 'none' && minor === 1) text += 'Transfer-Encoding: chunked\r\n';
    if (this.closesAfter) text += 'Connection: close\r\n';
    // Node closes after an answer to an expectation for which it has sent no 100, unless it is told to keep alive.
    else if (minor === 0 || (this.head.fields.expect !== '' && !this.#hasContinued))
      text += 'Connection: keep-alive\r\n';
    for (const own of ['Date', 'Connection', 'Transfer-Encoding']) this.#response.removeHeader(own);
    this.#response.writeHead(status, phrase, http.pairsOf(text) as unknown as string[]);
    this.bytesOut += text.length + phrase.length + 17;
  }

  sendBody(buffer: Buffer, from: number, to: number): boolean {
    if (from === to) return true;
    if (this.#remaining > 0) this.#remaining -= to - from;
    this.#writeHead();
    this.bytesOut += to - from;
    // Node writes at the end of the turn, when the buffer may hold other bytes.
    const hasRoom = this.#response.write(Buffer.from(buffer.subarray(from, to)));
    if (!hasRoom) this.pace.startTaking();
    return hasRoom;
  }

  /** Told by the response, and by the socket too: behind an upgrade that waits the response is told nothing. */
  onRoom(): void {
    const { writableLength, writableHighWaterMark } = this.#response;
    if (!this.pace.isTaking || this.isAnswerEnded || writableLength >= writableHighWaterMark) return;
    this.pace.endTaking();
    this.sink?.onClientDrain();
  }

  flush(): void {
    // With the encoding of heads; `flushHeaders` takes another.
    if (this.#heldHead === null) return;
    this.#writeHead();
    this.#response.write('', 'latin1');
  }

  endAnswer(trailers: string): void {
    if (this.isAnswerEnded) return;
    this.isAnswerEnded = true;
    if (this.#remaining > 0) {
      this.abort();
      return;
    }
    this.#writeHead();
    if (this.#response.chunkedEncoding && this.head.fields.takesTrailers)
      this.#response.addTrailers(http.pairsOf(trailers));
    this.#response.end();
    this.pace.startTaking();
  }

  /** What is held for it, here and on its way to a server. */
  get heldBytes(): number {
    const { readableLength } = this.request;
    return readableLength + this.#response.writableLength + (this.sink?.heldBytes() ?? 0);
  }

  /** Ends an exchange for want of time, with an answer that says so. @returns false when an answer has begun */
  shed(): boolean {
    if (this.#isAnswerStarted || this.sink === null) return false;
    this.pace.fail(new http.HttpFault('shutting_down', ''));
    return true;
  }

  abort(): void {
    // Where the end of the connection ends the answer only a RST says that this is not it.
    if (this.#endsByClose && this.client.tlsVersion === '') this.#connection.socket.resetAndDestroy();
    else this.#connection.socket.destroy();
  }

  checkSwitch(): string {
    return '';
  }

  switchProtocols(phrase: string, fields: string): http.TunnelEnd {
    this.#connection.socket.write(`HTTP/1.1 101 ${phrase}\r\n${fields}\r\n`, 'latin1');
    return this.#connection.switchProtocols();
  }
}
