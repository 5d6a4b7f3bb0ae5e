/**
 * One keep-alive connection of a client that hides nothing: no retries, no pool, no timers of its own. What an HTTP
 * library would repair silently (a connection that ends under a request) is exactly what the load wants to see.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface Target {
  readonly port: number;
  readonly isTls: boolean;
}

/** An answer, whole. */
export interface LoadAnswer {
  readonly kind: 'answer';
  readonly status: number;
  /** Field lines as they came. */
  readonly head: string;
  readonly body: Buffer;
}

/** No whole answer. */
export interface LoadFailure {
  readonly kind: 'failure';
  /** `refused`: no connection was made. `ended`: FIN or reset. `silent`: nothing came in time. `garbled`: no HTTP. */
  readonly why: 'refused' | 'ended' | 'silent' | 'garbled';
  readonly detail: string;
  /** Bytes of the answer that had come. */
  readonly answerBytes: number;
  /** Requests that this connection had carried before. */
  readonly carried: number;
}

export type LoadResult = LoadAnswer | LoadFailure;

const EMPTY = Buffer.alloc(0);

export class ClientConnection {
  readonly #socket: Socket;
  readonly #method: string[] = [];
  #settle: ((result: LoadResult) => void) | null = null;
  #buffer: Buffer = EMPTY;
  #carried = 0;
  #connectedWhy = 'no connection was made';
  #isConnected = false;
  #isEnded = false;
  #detail = '';
  readonly connected: Promise<void>;

  constructor(target: Target, localAddress?: string) {
    const where = {
      host: '127.0.0.1',
      port: target.port,
      ...(localAddress === undefined ? {} : { localAddress }),
    };
    this.#socket = target.isTls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#socket.on('error', (error) => {
      this.#detail = error.message;
    });
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('close', () => this.#onEnd());
    this.connected = new Promise((resolve) => {
      this.#socket.once(target.isTls ? 'secureConnect' : 'connect', () => {
        this.#isConnected = true;
        resolve();
      });
      this.#socket.once('close', () => resolve());
    });
  }

  /** Whether another request can be sent on it as far as the client knows. */
  get isOpen(): boolean {
    return this.#isConnected && !this.#isEnded;
  }
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Sends one request and resolves with what came of it; never rejects. One at a time. */
  async ask(method: string, request: string, timeoutMs: number): Promise<LoadResult> {
    if (!this.isOpen) return this.#failure(this.#isConnected ? 'ended' : 'refused');
    const timer = setTimeout(() => this.#end(this.#failure('silent')), timeoutMs);
    const result = await new Promise<LoadResult>((resolve) => {
      this.#settle = resolve;
      this.#method[0] = method;
      this.#socket.write(request, 'latin1');
    });
    clearTimeout(timer);
    this.#carried++;
    return result;
  }

  destroy(): void {
    this.#isEnded = true;
    this.#socket.destroy();
  }

  #failure(why: LoadFailure['why']): LoadFailure {
    const detail = this.#detail !== '' ? this.#detail : this.#isConnected ? 'FIN' : this.#connectedWhy;
    return { kind: 'failure', why, detail, answerBytes: this.#buffer.length, carried: this.#carried };
  }

  #onData(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    if (this.#settle === null) {
      // Bytes that nobody asked for: the next request must not take them for its answer.
      this.#detail = `unasked for: ${this.#buffer.toString('latin1').slice(0, 80)}`;
      this.#isEnded = true;
      this.#socket.destroy();
      return;
    }
    const parsed = parseAnswer(this.#buffer, this.#method[0] ?? '');
    if (parsed === 'partial') return;
    if (parsed === 'garbled') {
      this.#end(this.#failure('garbled'));
      return;
    }
    this.#buffer = this.#buffer.subarray(parsed.sizeBytes);
    if (/\r\nconnection: close\r\n/i.test(`${parsed.answer.head}\r\n`)) {
      this.#isEnded = true;
      this.#socket.destroySoon();
    } else if (this.#buffer.length > 0) {
      this.#end(this.#failure('garbled'));
      return;
    }
    this.#give(parsed.answer);
  }

  #onEnd(): void {
    this.#isEnded = true;
    this.#give(this.#failure('ended'));
  }

  #end(result: LoadResult): void {
    this.#isEnded = true;
    this.#socket.destroy();
    this.#give(result);
  }

  #give(result: LoadResult): void {
    const settle = this.#settle;
    this.#settle = null;
    settle?.(result);
  }
}

interface Parsed {
  readonly answer: LoadAnswer;
  readonly sizeBytes: number;
}

function parseAnswer(buffer: Buffer, method: string): Parsed | 'partial' | 'garbled' {
  const end = buffer.indexOf('\r\n\r\n');
  if (end < 0) return 'partial';
  const head = buffer.toString('latin1', 0, end);
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  if (!(status >= 200)) return 'garbled';
  const from = end + 4;
  const done = (body: Buffer, sizeBytes: number): Parsed => ({
    answer: { kind: 'answer', status, head, body },
    sizeBytes,
  });
  if (method === 'HEAD' || status === 204 || status === 304) return done(EMPTY, from);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const to = from + Number(length);
    return buffer.length < to ? 'partial' : done(buffer.subarray(from, to), to);
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return 'garbled';
  return parseChunks(buffer, from, done);
}

function parseChunks(
  buffer: Buffer,
  from: number,
  done: (body: Buffer, sizeBytes: number) => Parsed,
): Parsed | 'partial' | 'garbled' {
  const parts: Buffer[] = [];
  for (let at = from; ; ) {
    const lineEnd = buffer.indexOf('\r\n', at);
    if (lineEnd < 0) return 'partial';
    const size = Number.parseInt(buffer.toString('latin1', at, lineEnd), 16);
    if (!(size >= 0)) return 'garbled';
    const to = lineEnd + 2 + size;
    if (buffer.length < to + 2) return 'partial';
    if (size === 0) return done(Buffer.concat(parts), to + 2);
    parts.push(buffer.subarray(lineEnd + 2, to));
    at = to + 2;
  }
}
