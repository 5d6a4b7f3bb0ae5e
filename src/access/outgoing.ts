/** Questions of our own to others: bounded in time and size, over connections that are kept. undici is loaded with the first. */
import type { Pool } from 'undici';
import type { Clock } from '../kernel/clock.ts';

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

export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #origin: string;
  readonly #path: string;
  readonly #clock: Clock;
  #pool: Promise<Pool> | null = null;
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
      const pool = await this.#open();
      const answer = await pool.request({
        path: this.#path,
        method: 'GET',
        headers: fields as string[],
        signal: ended.signal,
        responseHeaders: 'raw',
      });
      const body = await this.#read(answer.body);
      // Raw: what the types do not know.
      const raw = answer.headers as unknown as readonly (string | Buffer)[];
      return { status: answer.statusCode, fields: raw.map((it) => it.toString('latin1' as never)), body };
    } catch (error) {
      throw ended.signal.aborted ? ended.signal.reason : error;
    } finally {
      timer.cancel();
      this.#asked--;
      if (this.#isClosed) this.#end();
    }
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

  #open(): Promise<Pool> {
    this.#pool ??= import('undici').then(({ Pool }) => {
      const pool = new Pool(this.#origin, {
        connections: this.#options.connections,
        pipelining: 1,
        allowH2: false,
        // One deadline over all phases, by our clock; the client's own are off.
        headersTimeout: 0,
        bodyTimeout: 0,
        connectTimeout: 0,
      });
      return pool;
    });
    return this.#pool;
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
    if (this.#asked === 0) void this.#pool?.then((pool) => pool.destroy()).catch(() => {});
  }
}
