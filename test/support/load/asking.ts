/** Clients that ask one thing again and again on kept connections, each as soon as it has its answer or after a pause, and count what comes. */
import { delay, systemClock } from '../../../src/kernel/clock.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { ClientConnection, type LoadResult, type Target } from './client-connection.ts';

export interface Asked {
  readonly requests: number;
  /** What came, as `200`, `503 no_server`, `ended (FIN) after 0 bytes`, and how often. */
  readonly outcomes: Readonly<Record<string, number>>;
}

export interface AskingOptions {
  readonly clients: number;
  /** GET unless given; the whole request. */
  readonly request?: (turn: number) => string;
  readonly timeoutMs?: number;
  /** Between an answer and the next request; 0 unless given. */
  readonly meanPauseMs?: number;
  /** A client ends when no connection can be made any more: its listener has left. */
  readonly endsWhenRefused?: boolean;
}

const plainGet = (): string => 'GET / HTTP/1.1\r\nHost: t.example\r\n\r\n';

export class Asking {
  readonly #options: AskingOptions;
  readonly #target: () => Target;
  readonly #outcomes: Record<string, number> = {};
  readonly #running: Promise<unknown>;
  readonly #random = new SeededRandom(1);
  #requests = 0;
  #isStopping = false;

  /** @param target asked before each connection */
  constructor(target: () => Target, options: AskingOptions) {
    this.#options = options;
    this.#target = target;
    this.#running = Promise.all(Array.from({ length: options.clients }, () => this.#client()));
  }

  get requests(): number {
    return this.#requests;
  }

  /** Ends when all have their answer. */
  async stop(): Promise<Asked> {
    this.#isStopping = true;
    return this.ended();
  }

  /** Resolves when all clients have ended by themselves. */
  async ended(): Promise<Asked> {
    await this.#running;
    return { requests: this.#requests, outcomes: this.#outcomes };
  }

  async #client(): Promise<void> {
    const {
      request = plainGet,
      timeoutMs = 10_000,
      meanPauseMs = 0,
      endsWhenRefused = false,
    } = this.#options;
    let connection: ClientConnection | null = null;
    while (!this.#isStopping) {
      if (meanPauseMs > 0) await delay(systemClock, this.#random.next() * meanPauseMs * 2);
      if (!connection?.isOpen) {
        connection = new ClientConnection(this.#target());
        await connection.connected;
        if (!connection.isConnected && endsWhenRefused) break;
      }
      const text = request(this.#requests++);
      const result = await connection.ask(text.slice(0, text.indexOf(' ')), text, timeoutMs);
      const outcome = wordOf(result);
      this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1;
    }
    connection?.destroy();
  }
}

function wordOf(result: LoadResult): string {
  if (result.kind === 'failure') return `${result.why} (${result.detail}) after ${result.answerBytes} bytes`;
  const code = /"code":"(\w+)"/.exec(result.body.toString('latin1'))?.[1];
  return code === undefined ? String(result.status) : `${result.status} ${code}`;
}
