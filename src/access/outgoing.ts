/**
 * Questions of our own to others: bounded in time and size, over connections that are kept. undici is loaded with the first.
 *
 * A kept connection may be closed by its other end just when a question is on its way; then there was no answer to be had on it. All
 * questions are GET, so they are asked once more (RFC 9110 section 9.2.2), on a connection of their own: of the kept ones others may
 * have been closed, too. What fails on a new connection has failed.
 */
import type { Client, Dispatcher, Pool } from 'undici';
import type { Clock } from '../kernel/clock.ts';
import { errorCode } from '../kernel/errors.ts';

export interface OutgoingOptions {
  readonly url: string;
  /** From the asking to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly maxBytes: number;
  /** Connections to it at one time; further questions wait. */
  readonly connections: number;
}

export interface OutgoingAnswer {
  readonly status: number;
  /** Names and values in turn. */
  readonly fields: readonly string[];
  readonly body: Buffer;
}

/** What is asked, and on what. */
interface Asking {
  /** The connection had been open before. */
  isReused: boolean;
}

type Undici = typeof import('undici');

const CONNECTION = {
  pipelining: 1,
  allowH2: false,
  // One deadline over all phases, by our clock; the client's own are off.
  headersTimeout: 0,
  bodyTimeout: 0,
  connectTimeout: 0,
} satisfies Client.Options;

const CONNECTION_ENDED: ReadonlySet<string | undefined> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #origin: string;
  readonly #path: string;
  readonly #clock: Clock;
  #undici: Promise<Undici> | null = null;
  #pool: Pool | null = null;
  #asked = 0;
  #isClosed = false;

  constructor(options: OutgoingOptions, clock: Clock) {
    const url = new URL(options.url);
    this.#options = options;
    this.#origin = url.origin;
    this.#path = `${url.pathname}${url.search}`;
    this.#clock = clock;
  }

  /**
   * Asks with GET. Redirects are answers like others.
   * @param fields names and values in turn
   * @throws Error with what went wrong, or that it took too long
   */
  async ask(fields: readonly string[]): Promise<OutgoingAnswer> {
    const { timeoutMs, url } = this.#options;
    const ended = new AbortController();
    this.#asked++;
    const timer = this.#clock.setTimer(timeoutMs, () =>
      ended.abort(new Error(`no answer from ${url} within ${timeoutMs} ms`)),
    );
    try {
      this.#undici ??= import('undici');
      const undici = await this.#undici;
      this.#pool ??= this.#open(undici);
      return await this.#askOn(this.#pool, undici, fields, ended.signal);
    } catch (error) {
      throw ended.signal.aborted ? ended.signal.reason : error;
    } finally {
      timer.cancel();
      this.#asked--;
      if (this.#isClosed) this.#end();
    }
  }

  async #askOn(
    pool: Pool,
    { Client }: Undici,
    fields: readonly string[],
    signal: AbortSignal,
  ): Promise<OutgoingAnswer> {
    const asking: Asking = { isReused: false };
    let answer: Dispatcher.ResponseData<unknown>;
    try {
      answer = await pool.request(this.#question(fields, signal, asking));
    } catch (error) {
      if (signal.aborted || !asking.isReused || !CONNECTION_ENDED.has(errorCode(error))) throw error;
      const fresh = new Client(this.#origin, CONNECTION);
      try {
        return await this.#whole(await fresh.request(this.#question(fields, signal, asking)));
      } finally {
        void fresh.destroy().catch(() => {});
      }
    }
    return this.#whole(answer);
  }

  #question(
    fields: readonly string[],
    signal: AbortSignal,
    opaque: Asking,
  ): Dispatcher.RequestOptions<Asking> {
    const path = this.#path;
    return { path, method: 'GET', headers: fields as string[], signal, responseHeaders: 'raw', opaque };
  }

  async #whole({ statusCode, headers, body }: Dispatcher.ResponseData<unknown>): Promise<OutgoingAnswer> {
    // Raw: what the types do not know.
    const raw = headers as unknown as readonly (string | Buffer)[];
    const fields = raw.map((it) => it.toString('latin1' as never));
    return { status: statusCode, fields, body: await this.#read(body) };
  }

  async #read(stream: AsyncIterable<Buffer>): Promise<Buffer> {
    const { maxBytes, url } = this.#options;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > maxBytes) throw new Error(`the answer of ${url} is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  #open({ Client, Pool }: Undici): Pool {
    /** Notes whether a question goes to a connection that is open already. */
    class NotingClient extends Client {
      override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
        const { opaque } = options as Dispatcher.RequestOptions<Asking>;
        if (opaque) opaque.isReused = this.stats.connected;
        return super.dispatch(options, handler);
      }
    }
    return new Pool(this.#origin, {
      ...CONNECTION,
      connections: this.#options.connections,
      factory: (origin: URL, options: object) => new NotingClient(origin, options),
    });
  }

  /**
   * Ends its connections, once what is being asked has its answer or has run out of time: those who wait for it are requests of before
   * a reload, and a failure of ours must decide nothing on them.
   */
  close(): void {
    this.#isClosed = true;
    this.#end();
  }

  #end(): void {
    if (this.#asked === 0) void this.#pool?.destroy().catch(() => {});
  }
}
