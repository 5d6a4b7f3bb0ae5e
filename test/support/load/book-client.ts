/**
 * One client of the bookstore under load: reads lists and books, changes a book of its own with If-Match, makes books
 * and deletes them, one request after the other with a short pause between. It owns what it writes, so every answer has
 * one right status; 412 to a change and 404 to a deletion can only mean that the request was carried out twice.
 */
import { inventedIsbn } from '../../../src/bookstore/isbn.ts';
import type { Random } from '../../../src/kernel/random.ts';
import { ClientConnection, type LoadResult, type Target } from './client-connection.ts';
import type { LoadRecord, Operation } from './tally.ts';

export interface ClientOptions {
  readonly target: Target;
  readonly random: Random;
  /** Numbers for ISBNs that no other client has. */
  readonly nextNumber: () => number;
  /** Ids of seeded books are 1 to this. */
  readonly seededBooks: number;
  /** The mean pause between an answer and the next request. */
  readonly meanPauseMs: number;
  readonly timeoutMs: number;
  /** Asked before each request: sends only reads when false. */
  readonly writes: boolean;
  readonly record: (record: LoadRecord) => void;
  readonly pause: (ms: number) => Promise<void>;
}

interface Own {
  readonly id: number;
  etag: string;
}

const WORDS = ['the', 'war', 'love', 'river', 'a', 'house'];

export class BookClient {
  readonly #options: ClientOptions;
  #connection: ClientConnection | null = null;
  #isStopping = false;
  #book: Own | null = null;
  /** A book to delete. */
  #spare: number | null = null;
  #isbn = '';
  #changes = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Asks until `stop`; the last request gets its answer. */
  async run(): Promise<void> {
    const { random, meanPauseMs, pause } = this.#options;
    await pause(random.next() * meanPauseMs * 2);
    while (!this.#isStopping) {
      await this.#step();
      if (meanPauseMs > 0) await pause(random.next() * meanPauseMs * 2);
    }
    this.#connection?.destroy();
  }

  stop(): void {
    this.#isStopping = true;
  }

  #step(): Promise<void> {
    const { random, writes } = this.#options;
    const roll = random.next();
    if (!writes || roll < 0.65) return roll < 0.2 ? this.#list() : this.#read();
    if (this.#book === null) return this.#create('own');
    if (roll < 0.9) return this.#change(this.#book);
    return this.#spare === null ? this.#create('spare') : this.#remove(this.#spare);
  }

  async #list(): Promise<void> {
    const { random } = this.#options;
    const limit = 1 + random.below(20);
    const q = random.below(3) === 0 ? `&q=${WORDS[random.below(WORDS.length)]}` : '';
    await this.#ask('list', 'GET', `/books?limit=${limit}${q}`, [200]);
  }

  async #read(): Promise<void> {
    const { random, seededBooks } = this.#options;
    await this.#ask('read', 'GET', `/books/${1 + random.below(seededBooks)}`, [200]);
  }

  async #create(what: 'own' | 'spare'): Promise<void> {
    const isbn = inventedIsbn(this.#options.nextNumber());
    const result = await this.#ask('create', 'POST', '/books', [201], this.#body(isbn, 'new'));
    if (result.kind !== 'answer' || result.status !== 201) return;
    const { id } = JSON.parse(result.body.toString()) as { id: number };
    if (what === 'spare') this.#spare = id;
    else {
      this.#isbn = isbn;
      this.#book = { id, etag: etagOf(result.head) };
    }
  }

  async #change(book: Own): Promise<void> {
    const body = this.#body(this.#isbn, `change ${++this.#changes}`);
    const fields = `If-Match: ${book.etag}\r\n`;
    const result = await this.#ask('change', 'PUT', `/books/${book.id}`, [200, 412], body, fields);
    if (result.kind === 'answer') book.etag = etagOf(result.head);
    // Whether it was carried out is not known: the next change would be a guess.
    else this.#book = null;
  }

  async #remove(id: number): Promise<void> {
    this.#spare = null;
    await this.#ask('delete', 'DELETE', `/books/${id}`, [204, 404]);
  }

  #body(isbn: string, title: string): string {
    return JSON.stringify({
      isbn,
      title: `Load ${title}`,
      authors: ['L. Oad'],
      year: 2020,
      price: { cents: 1250, currency: 'EUR' },
      stock: 20,
      genre: 'computing',
    });
  }

  async #ask(
    operation: Operation,
    method: string,
    path: string,
    right: readonly number[],
    body = '',
    fields = '',
  ): Promise<LoadResult> {
    const { timeoutMs, record } = this.#options;
    const connection = await this.#open();
    const content =
      body === '' ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    const request = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: load\r\n${fields}${content}\r\n${body}`;
    const startMs = performance.now();
    const result = await connection.ask(method, request, timeoutMs);
    record({ operation, method, path, startMs, durationMs: performance.now() - startMs, right, result });
    return result;
  }

  /** The connection while it lasts, else a new one; one that is refused is a failure of the request that wanted it. */
  async #open(): Promise<ClientConnection> {
    if (this.#connection?.isOpen) return this.#connection;
    this.#connection?.destroy();
    const connection = new ClientConnection(this.#options.target);
    this.#connection = connection;
    await connection.connected;
    return connection;
  }
}

function etagOf(head: string): string {
  return /\r\netag: *("[^"]*")/i.exec(head)?.[1] ?? '"none"';
}
