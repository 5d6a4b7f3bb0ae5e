/**
 * One bookstore server: an HTTP/1.1 server over a BookStore. Any number of them, in one process or in many,
 * share a file; none knows of the others.
 *
 * Stopping: the port closes at once, idle connections too; requests in flight are answered with
 * `Connection: close` for at most DRAIN_MS; then what is left is cut and the database closed.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { formatHostPort } from '../kernel/address.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorCode, errorText, SluiceError } from '../kernel/errors.ts';
import { BaseService } from '../kernel/service.ts';
import { markHeaders, problemAnswer, sendAnswer, toProblem } from './answer.ts';
import { bookRoutes } from './book-routes.ts';
import { type Answer, type Call, ClientGone, hasBody, pause } from './call.ts';
import { openDatabase } from './database.ts';
import { demoRoutes } from './demo-routes.ts';
import { Drain } from './drain.ts';
import { Faults } from './faults.ts';
import { BookstoreMetrics } from './metrics.ts';
import { Problem } from './problem.ts';
import { type Match, Router, runRoute } from './router.ts';
import { seedBooks } from './seed.ts';
import { BookStore } from './store.ts';

export interface BookstoreOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The SQLite file, shared by all servers of the shop; ':memory:' for one server alone. */
  readonly dbPath: string;
  /** What the server calls itself in `X-Server`; default: its host:port. */
  readonly name?: string | undefined;
  /** Adds /faults; never on a server that others rely on. */
  readonly withFaults?: boolean;
  readonly clock: Clock;
  /** What no client could have caused: a 5xx or a thrown error. */
  readonly onError?: (error: unknown) => void;
}

/** Longer than any proxy keeps an idle connection, so that the proxy closes first and no request meets a closing one. */
const KEEP_ALIVE_MS = 120_000;
/** The longest upload, from its first byte to its last. */
const REQUEST_TIMEOUT_MS = 15 * 60_000;
const HEADERS_TIMEOUT_MS = 30_000;
const DRAIN_MS = 10_000;
/** How long an upload that was answered already is read on, so that its sender can read the answer. */
const LINGER_MS = 5000;

const METHOD_LABELS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/** These must tell the truth while everything else is told to fail. */
const FAULTLESS: ReadonlySet<string> = new Set(['/faults', '/healthz', '/metrics']);

export class Bookstore extends BaseService {
  readonly #options: BookstoreOptions;
  readonly #clock: Clock;
  readonly #metrics: BookstoreMetrics;
  readonly #faults: Faults | undefined;
  readonly #server: Server;
  readonly #drain: Drain;
  #store: BookStore | undefined;
  #router: Router = new Router([]);
  #port = 0;
  #label = '';

  constructor(options: BookstoreOptions) {
    super();
    this.#options = options;
    this.#clock = options.clock;
    this.#metrics = new BookstoreMetrics(options.clock.wallMs());
    this.#faults = options.withFaults === true ? new Faults() : undefined;
    this.#server = createServer({
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      noDelay: true,
    });
    const onRequest = (request: IncomingMessage, response: ServerResponse) => this.#serve(request, response);
    this.#server.on('request', onRequest);
    // Without this listener node:http would say 100 before a handler could refuse the body.
    this.#server.on('checkContinue', onRequest);
    this.#server.on('checkExpectation', onRequest);
    this.#drain = new Drain(this.#server);
    this.#server.on('clientError', (error, socket) => this.#refuse(error, socket));
  }

  get name(): string {
    return `bookstore ${this.#label}`.trim();
  }

  /** What stands in `X-Server`. */
  get label(): string {
    return this.#label;
  }

  /** The port that it listens on, once started. */
  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://${formatHostPort({ host: this.#options.host, port: this.#port })}`;
  }

  protected async onStart(): Promise<void> {
    const { dbPath, clock } = this.#options;
    const store = new BookStore(await openDatabase({ path: dbPath, clock, seed: seedBooks }));
    this.#store = store;
    this.#router = new Router([
      ...bookRoutes({ store, clock }),
      ...demoRoutes({
        store,
        clock,
        metrics: this.#metrics,
        faults: this.#faults,
        server: () => this.#label,
        isClosing: () => this.#drain.isClosing,
      }),
    ]);
    await this.#listen();
  }

  #listen(): Promise<void> {
    const { host, port, name } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => reject(listenFailure(host, port, error)));
      this.#server.listen({ host, port, backlog: 511 }, () => {
        const address = this.#server.address();
        this.#port = typeof address === 'object' && address !== null ? address.port : port;
        this.#label = name ?? formatHostPort({ host, port: this.#port });
        resolve();
      });
    });
  }

  protected async onStop(): Promise<void> {
    await this.#drain.close(this.#clock, DRAIN_MS);
    this.#store?.close();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const startMs = this.#clock.nowMs();
    markHeaders(response, { server: this.#label, isClosing: this.#drain.isClosing });
    const call = this.#readCall(request, response);
    this.#metrics.began();
    const { socket } = request;
    this.#drain.began(socket);
    response.once('close', () => {
      this.#drain.ended(socket);
      this.#metrics.ended({
        method: METHOD_LABELS.has(call.method) ? call.method : 'other',
        route: call.match?.route.pattern ?? 'none',
        status: response.writableFinished || response.headersSent ? response.statusCode : 499,
        durationMs: this.#clock.nowMs() - startMs,
      });
    });
    try {
      const outcome = this.#dispatch(call);
      if (outcome instanceof Promise)
        outcome.then(
          (answer) => this.#send(call, answer),
          (error) => this.#fail(call, error),
        );
      else this.#send(call, outcome);
    } catch (error) {
      this.#fail(call, error);
    }
  }

  #readCall(
    request: IncomingMessage,
    response: ServerResponse,
  ): Call & { readonly match: Match | undefined } {
    let target = request.url ?? '/';
    // The absolute form (RFC 9112 section 3.2.2): servers must take it, whoever sends it.
    const authority = /^https?:\/\/[^/?]*/i.exec(target);
    if (authority) target = target.slice(authority[0].length);
    const mark = target.indexOf('?');
    const path = (mark === -1 ? target : target.slice(0, mark)) || '/';
    const match = this.#router.match(path);
    return {
      request,
      response,
      method: request.method ?? 'GET',
      path,
      parameters: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)),
      id: match?.id ?? 0,
      match,
    };
  }

  #dispatch(call: Call & { readonly match: Match | undefined }): Answer | Promise<Answer | 'streamed'> {
    if (!call.match) {
      if (call.method === 'OPTIONS' && call.path === '*') return { status: 204 };
      throw new Problem(404, 'not_found', `There is nothing at ${call.path}; GET / lists what there is`);
    }
    const { route } = call.match;
    const expect = call.request.headers.expect;
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
      throw new Problem(417, 'expectation_failed', 'Only Expect: 100-continue is known');
    }
    const faults = this.#faults;
    if (!faults || FAULTLESS.has(route.pattern)) return runRoute(route, call);
    if (faults.takeFailure()) throw new Problem(500, 'fault', 'Made to fail by POST /faults');
    if (faults.slowMs === 0) return runRoute(route, call);
    return pause(this.#clock, call, faults.slowMs).then(() => runRoute(route, call));
  }

  #send(call: Call, answer: Answer | 'streamed'): void {
    if (answer === 'streamed' || call.response.headersSent || call.response.destroyed) return;
    // A client whose Expect is refused may leave its body away, and then nobody knows where the next request begins.
    const isHeldBack = call.request.headers.expect !== undefined && !call.request.complete;
    if (this.#drain.isClosing || isHeldBack) call.response.setHeader('connection', 'close');
    sendAnswer(call.response, answer);
    this.#linger(call.request);
  }

  #fail(call: Call, error: unknown): void {
    if (call.response.destroyed || error instanceof ClientGone) return;
    if (call.response.headersSent) {
      // A stream broke half-way: only a cut tells the client that it is not complete.
      call.response.destroy();
      return;
    }
    const problem = toProblem(error);
    if (problem.status >= 500 && problem.code !== 'fault') this.#options.onError?.(error);
    this.#send(call, problemAnswer(problem));
  }

  /** After an answer that came before the end of its request, node:http reads the rest; here for a bounded time. */
  #linger(request: IncomingMessage): void {
    if (request.complete || !hasBody(request)) return;
    const { socket } = request;
    const bound = this.#clock.setTimer(LINGER_MS, () => {
      socket.off('close', cancel);
      socket.destroy();
    });
    const cancel = () => {
      bound.cancel();
      socket.off('close', cancel);
    };
    request.once('end', cancel);
    socket.once('close', cancel);
  }

  /** Bytes that are no HTTP: there is no response object to write to. */
  #refuse(error: Error, socket: Duplex): void {
    if (!socket.writable || errorCode(error) === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const [status, phrase] = refusals[errorCode(error)] ?? [400, 'Bad Request'];
    const body = JSON.stringify({
      type: 'about:blank',
      title: phrase,
      status,
      code: 'bad_request',
      detail: errorText(error),
    });
    socket.end(
      `HTTP/1.1 ${status} ${phrase}\r\nX-Server: ${this.#label}\r\nContent-Type: application/problem+json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
}

const refusals: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};

function listenFailure(host: string, port: number, error: Error): SluiceError {
  const at = formatHostPort({ host, port });
  const code = errorCode(error);
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE:
      'Another program has this port: stop it, or choose another by --port or PORT (0 takes a free one).',
    EACCES: 'Ports below 1024 need a privilege; choose a higher one by --port or PORT.',
    EADDRNOTAVAIL: 'This machine has no such address; set --host or HOST.',
  };
  const why = code === 'EADDRINUSE' ? 'the port is taken' : errorText(error);
  const hint = hints[code];
  return new SluiceError('bookstore_listen', `cannot listen on ${at}: ${why}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}
