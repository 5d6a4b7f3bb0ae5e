import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from 'node:http2';

export interface H2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders & IncomingHttpStatusHeader;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
  readonly interim: readonly number[];
  /** RST_STREAM or the end of the connection before the end of the answer; 0 = none. */
  readonly code: number;
}

/** A client of node:http2; its wishes as promises. */
export class H2Client implements AsyncDisposable {
  readonly session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on('error', () => {});
  }

  static async open(port: number, tls = false, host = '127.0.0.1'): Promise<H2Client> {
    const origin = `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    const session = connect(origin, { rejectUnauthorized: false });
    const client = new H2Client(session);
    await once(session, 'connect');
    return client;
  }

  /** Begins a request; without a body it is complete. */
  begin(headers: OutgoingHttpHeaders, hasBody = false): ClientHttp2Stream {
    const stream = this.session.request(headers, { endStream: !hasBody, waitForTrailers: hasBody });
    stream.on('error', () => {});
    return stream;
  }

  async ask(
    headers: OutgoingHttpHeaders,
    body?: string | Buffer,
    trailers?: OutgoingHttpHeaders,
  ): Promise<H2Answer> {
    const stream = this.begin(headers, body !== undefined);
    stream.on('wantTrailers', () => stream.sendTrailers(trailers ?? {}));
    if (body !== undefined) stream.end(body);
    return read(stream);
  }

  /** Sends no further requests, and waits until the connection has ended. */
  async close(): Promise<void> {
    const closed = this.session.closed || this.session.destroyed ? null : once(this.session, 'close');
    this.session.close();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.session.destroyed) return;
    const closed = once(this.session, 'close');
    this.session.destroy();
    await closed;
  }
}

/** The whole answer, whatever becomes of it. */
export async function read(stream: ClientHttp2Stream): Promise<H2Answer> {
  const chunks: Buffer[] = [];
  const interim: number[] = [];
  let headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on('headers', (fields) => interim.push(Number(fields[':status'])));
  stream.on('continue', () => interim.push(100));
  stream.on('response', (fields) => {
    headers = fields;
  });
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!stream.destroyed) await once(stream, 'close').catch(() => {});
  return {
    status: Number(headers[':status'] ?? 0),
    headers,
    body: Buffer.concat(chunks),
    trailers,
    interim,
    code: stream.rstCode,
  };
}
