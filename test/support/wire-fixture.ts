import {
  type ClientStream,
  Http1Connection,
  HttpDate,
  type HttpFault,
  type RequestHandler,
  type RequestSink,
  type WireLimits,
} from '../../src/http/index.ts';
import type { ClientInfo } from '../../src/kernel/client-info.ts';
import { Deadlines } from '../../src/kernel/deadlines.ts';
import { MemoryPressure } from '../../src/kernel/memory.ts';
import { REASONS } from '../../src/kernel/reason.ts';
import { SocketIo } from '../../src/kernel/socket-io.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeSocket } from './fake-socket.ts';

export const WIRE_LIMITS: WireLimits = {
  maxHeadBytes: 16 * 1024,
  maxFields: 100,
  maxTargetBytes: 8 * 1024,
  maxBodyBytes: 0,
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 60_000,
  idleTimeoutMs: 75_000,
  minRate: 0,
};

export const GET = 'GET / HTTP/1.1\r\nHost: h.example\r\n\r\n';
export const post = (length: number): string =>
  `POST / HTTP/1.1\r\nHost: h.example\r\nContent-Length: ${length}\r\n\r\n`;
/** More than a socket holds. */
export const BIG = Buffer.alloc(256 * 1024, 'x');

export const statuses = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]));

/** Nothing is answered; the test does it. */
export const unanswered = { onComplete: () => {} };

/** Begins an answer of the size of `BIG`. */
export function startBig(seen: SeenRequest): void {
  seen.stream.startAnswer({
    status: 200,
    phrase: 'OK',
    fields: '',
    hasDate: true,
    memo: '',
    framing: 'length',
    contentLength: BIG.length,
  });
}

/** One request as the phases get to see it. */
export class SeenRequest implements RequestSink {
  readonly stream: ClientStream;
  body = '';
  /** null until the request is complete. */
  trailers: string | null = null;
  fault: HttpFault | null = null;
  isClientGone = false;
  drains = 0;
  /** How often it was told of each part, in order: `data`, `end`, `fault`, `gone`, `drain`. */
  readonly calls: string[] = [];
  readonly #onComplete: (seen: SeenRequest) => void;

  constructor(stream: ClientStream, onComplete: (seen: SeenRequest) => void) {
    this.stream = stream;
    this.#onComplete = onComplete;
    stream.sink = this;
  }

  onBodyData(chunk: Buffer): void {
    this.calls.push('data');
    this.body += chunk.toString('latin1');
  }
  onBodyEnd(trailers: string): void {
    this.calls.push('end');
    this.trailers = trailers;
    this.#onComplete(this);
  }
  onBodyFault(fault: HttpFault): void {
    this.calls.push('fault');
    this.fault = fault;
    this.#onComplete(this);
  }
  onClientGone(): void {
    this.calls.push('gone');
    this.isClientGone = true;
  }
  onClientDrain(): void {
    this.calls.push('drain');
    this.drains++;
  }
  heldBytes(): number {
    return 0;
  }

  /** A small whole answer; a fault of the body is answered with its status. */
  answer(body = 'ok', trailers = ''): void {
    const status = this.fault === null ? 200 : REASONS[this.fault.reason].status;
    const bytes = Buffer.from(body);
    const isHead = this.stream.head.method === 'HEAD';
    this.stream.startAnswer({
      status,
      phrase: 'OK',
      fields: '',
      framing: isHead ? 'none' : 'length',
      contentLength: bytes.length,
      // So that what is sent does not depend on the hour.
      hasDate: true,
      memo: '',
    });
    if (!isHead) this.stream.sendBody(bytes, 0, bytes.length);
    this.stream.sink = null;
    this.stream.endAnswer(trailers);
  }
}

export interface WireFixtureOptions {
  readonly limits?: Partial<WireLimits>;
  readonly client?: Partial<ClientInfo>;
  /** What is done with a request as soon as it is complete or broken; by default it is answered. */
  readonly onComplete?: (seen: SeenRequest) => void;
  readonly onRequest?: (seen: SeenRequest) => void;
}

/** One client connection of the wire, over a socket in memory and a clock that the test moves. */
export class WireFixture implements RequestHandler {
  readonly clock = new FakeClock();
  readonly socket = new FakeSocket();
  readonly deadlines = new Deadlines(this.clock);
  readonly memory = new MemoryPressure();
  readonly connection: Http1Connection;
  readonly requests: SeenRequest[] = [];
  /** Requests that could not be read. */
  readonly faults: HttpFault[] = [];
  closes = 0;
  readonly #options: WireFixtureOptions;

  constructor(options: WireFixtureOptions = {}) {
    this.#options = options;
    const client: ClientInfo = {
      listener: 'web',
      peerAddress: '192.0.2.9',
      peerPort: 4711,
      localAddress: '192.0.2.1',
      localPort: 80,
      tlsVersion: '',
      isTrusted: false,
      memo: null,
      ...options.client,
    };
    this.connection = new Http1Connection(
      this.socket.asSocket,
      client,
      { ...WIRE_LIMITS, ...options.limits },
      {
        clock: this.clock,
        deadlines: this.deadlines,
        handler: this,
        date: new HttpDate(this.clock),
        sockets: new SocketIo(),
        memory: this.memory,
      },
      () => this.closes++,
    );
  }

  onRequest(stream: ClientStream): void {
    const onComplete = this.#options.onComplete ?? ((seen: SeenRequest) => seen.answer());
    const seen = new SeenRequest(stream, onComplete);
    this.requests.push(seen);
    this.#options.onRequest?.(seen);
    if (!stream.isRequestComplete) return;
    seen.trailers = '';
    onComplete(seen);
  }

  onFault(fault: HttpFault): ReturnType<RequestHandler['onFault']> {
    this.faults.push(fault);
    const { status } = REASONS[fault.reason];
    return {
      head: {
        status,
        phrase: 'No',
        fields: '',
        framing: 'length',
        contentLength: 0,
        hasDate: true,
        memo: '',
      },
      body: fault.reason,
    };
  }

  /** The last request; only when there is one. */
  get last(): SeenRequest {
    return this.requests.at(-1) as SeenRequest;
  }

  /** Everything written so far; forgotten by that. */
  takeSent(): string {
    const text = this.socket.sent;
    this.socket.writes.length = 0;
    return text;
  }

  /** Moves time on, and lets happen what is due by then. */
  pass(ms: number): void {
    this.clock.advance(ms);
    this.socket.settle();
  }
}
