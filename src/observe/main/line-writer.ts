import type { Clock, Timer } from '../../kernel/clock.ts';
import { errorCode, errorText } from '../../kernel/errors.ts';
import { BaseService } from '../../kernel/service.ts';
import { type LineSink, type LogTarget, openSink } from './line-sink.ts';

/**
 * Writes whole lines to a file or to standard output without ever making anyone wait: what cannot be written yet
 * waits in bounded memory, what finds no room is dropped as whole lines and counted. It serves the access log
 * (batches out of the data threads) and pino (`writeNow`), so that both can share one output and no line is torn.
 *
 *   queue: | head ....... | buffer | buffer |      head.sent bytes of the head are out already
 *             ^ being written                      bytes of all = outstanding <= maxOutstandingBytes
 *
 * Faults: a full disk or a stalled reader keeps the queue and is retried; a reader that is gone (EPIPE) drops it.
 * One warning an outage, one line when it is over. After a partial write the rest follows, so a full disk leaves no
 * torn line either. Rejected: a stream with back-pressure (its `false` means "please wait", and nobody here may);
 * a worker (dies with its lines on kill -9 as well, and costs a thread).
 */
export interface LineWriterOptions {
  readonly to: LogTarget;
  readonly maxOutstandingBytes?: number;
  /** How long `stop` waits for a slow reader. */
  readonly stopTimeoutMs?: number;
}

export interface LineWriterDeps {
  readonly clock: Clock;
  /** Told once at the start of an outage and once at its end. It may write through this very writer. */
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Tests put a failing disk here. */
  readonly open?: (to: LogTarget) => LineSink;
}

interface Pending {
  readonly bytes: Buffer;
  /** undefined = to be counted when it matters. */
  readonly lines: number | undefined;
  /** Bytes that are out already. */
  sent: number;
  /** Told when the bytes are needed no more. */
  readonly done: (() => void) | undefined;
}

const AGAIN_MS = 20;
const OUTAGE_RETRY_MS = 1000;
const GONE = new Set(['EPIPE', 'EBADF', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);
const NOT_NOW = new Set(['EAGAIN', 'EWOULDBLOCK', 'EINTR', 'EBUSY']);

export class LineWriter extends BaseService {
  readonly name = 'line writer';
  readonly #to: LogTarget;
  readonly #maxBytes: number;
  readonly #stopTimeoutMs: number;
  readonly #clock: Clock;
  readonly #warn: LineWriterDeps['warn'];
  readonly #open: (to: LogTarget) => LineSink;
  #sink: LineSink | undefined;
  #nextSink: LineSink | undefined;
  readonly #queue: Pending[] = [];
  #outstandingBytes = 0;
  /** What the system is writing: its bytes are in use, dropped or not. */
  #writing: Pending | undefined;
  #retry: Timer | undefined;
  #dropped = 0;
  #droppedBefore = 0;
  #isInOutage = false;
  #isClosed = false;
  #whenIdle: (() => void)[] = [];

  constructor(options: LineWriterOptions, deps: LineWriterDeps) {
    super();
    this.#to = options.to;
    this.#maxBytes = options.maxOutstandingBytes ?? 8 * 1024 * 1024;
    this.#stopTimeoutMs = options.stopTimeoutMs ?? 2000;
    this.#clock = deps.clock;
    this.#warn = deps.warn;
    this.#open = deps.open ?? openSink;
  }

  /** Lines that were given up so far: no room, or nobody reads any more. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Bytes that wait in memory. */
  get outstandingBytes(): number {
    return this.#outstandingBytes;
  }

  /** Opens the place; fails as the system does (ENOENT, EACCES …). Lines written before wait in memory. */
  protected async onStart(): Promise<void> {
    this.#sink = this.#open(this.#to);
    this.#pump();
  }

  /** Writes what waits, for a bounded time; what is left then counts as dropped. */
  protected async onStop(): Promise<void> {
    if (this.#isInOutage) this.#dropAll();
    if (this.#queue.length > 0) await this.#idleOrTimeout();
    this.#isClosed = true;
    this.#dropAll();
    this.#retry?.cancel();
    // A write that hangs in the thread pool still uses the descriptor: closing it now could hit a stranger's file.
    if (!this.#writing) this.#sink?.close();
    this.#nextSink?.close();
  }

  /**
   * Takes whole lines, each ended by LF. Never waits, never throws. Bytes belong to the writer until `done` is called.
   * @param lines how many; left out, they are counted if they have to be dropped
   * @param done called once, perhaps at once, whatever became of the lines
   */
  write(text: string | Uint8Array, lines?: number, done?: () => void): void {
    if (this.#enqueue(text, lines, done)) this.#pump();
    else done?.();
  }

  /** As `write`, but on files and terminals the bytes are out when this returns, unless others wait before them. */
  writeNow(text: string): void {
    if (!this.#enqueue(text, 1)) return;
    const sink = this.#sink;
    const head = this.#queue[0];
    if (sink && head && this.#queue.length === 1 && !this.#writing && !this.#isInOutage) {
      try {
        this.#advance(sink.writeNow(head.bytes.subarray(head.sent)));
      } catch (error) {
        this.#onFault(error);
      }
    }
    this.#pump();
  }

  /** Opens the file again, for log rotation. On failure it goes on with the old one and the promise fails. */
  async reopen(): Promise<void> {
    if (!this.isRunning || !('path' in this.#to)) return;
    const opened = this.#open(this.#to);
    this.#nextSink?.close();
    this.#nextSink = opened;
    this.#pump();
  }

  /** Resolves when nothing waits any more. */
  async flush(): Promise<void> {
    if (this.#queue.length > 0 && !this.#isClosed)
      await new Promise<void>((done) => this.#whenIdle.push(done));
  }

  #enqueue(text: string | Uint8Array, lines: number | undefined, done?: () => void): boolean {
    const bytes =
      typeof text === 'string'
        ? Buffer.from(text, 'utf8')
        : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
    if (this.#isClosed || this.#outstandingBytes + bytes.length > this.#maxBytes) {
      this.#dropped += lines ?? countLines(bytes);
      return false;
    }
    this.#queue.push({ bytes, lines, sent: 0, done });
    this.#outstandingBytes += bytes.length;
    return true;
  }

  #pump(): void {
    if (this.#writing || this.#isClosed || !this.#sink) return;
    this.#swapSink();
    const head = this.#queue[0];
    if (!head) {
      for (const done of this.#whenIdle.splice(0)) done();
      return;
    }
    if (this.#retry) return;
    this.#writing = head;
    this.#sink.write(head.sent === 0 ? head.bytes : head.bytes.subarray(head.sent), (error, written) => {
      this.#writing = undefined;
      // Dropped while the system still read from it.
      if (this.#queue[0] !== head) head.done?.();
      if (this.#isClosed) return;
      if (this.#queue[0] === head) this.#advance(written);
      if (error) this.#onFault(error);
      this.#pump();
    });
  }

  #advance(written: number): void {
    const head = this.#queue[0];
    if (!head || written === 0) return;
    head.sent += written;
    this.#outstandingBytes -= written;
    if (head.sent >= head.bytes.length) this.#queue.shift()?.done?.();
    if (!this.#isInOutage) return;
    this.#isInOutage = false;
    const lost = this.#dropped - this.#droppedBefore;
    this.#warn('log output works again', { dropped_lines: lost });
  }

  /** Goes over to a reopened file, between two lines: the rest of a line that is half out stays with the old file. */
  #swapSink(): void {
    if (!this.#nextSink) return;
    const head = this.#queue[0];
    if (head && head.sent > 0 && !this.#isInOutage) return;
    if (head && head.sent > 0) this.#dropToLineEnd(head);
    this.#sink?.close();
    this.#sink = this.#nextSink;
    this.#nextSink = undefined;
    // What was wrong with the old file may be right with the new one.
    this.#retry?.cancel();
    this.#retry = undefined;
  }

  #dropToLineEnd(head: Pending): void {
    if (head.bytes[head.sent - 1] === 0x0a) return;
    const end = head.bytes.indexOf(0x0a, head.sent) + 1;
    const skipped = (end === 0 ? head.bytes.length : end) - head.sent;
    head.sent += skipped;
    this.#outstandingBytes -= skipped;
    this.#dropped++;
    if (head.sent >= head.bytes.length) this.#queue.shift()?.done?.();
  }

  #onFault(error: unknown): void {
    const code = errorCode(error);
    const isNotNow = NOT_NOW.has(code);
    const droppedBefore = this.#dropped;
    this.#retry?.cancel();
    this.#retry = this.#clock.setTimer(isNotNow ? AGAIN_MS : OUTAGE_RETRY_MS, () => {
      this.#retry = undefined;
      this.#pump();
    });
    if (GONE.has(code)) this.#dropAll();
    if (isNotNow || this.#isInOutage) return;
    this.#isInOutage = true;
    this.#droppedBefore = droppedBefore;
    const effect = GONE.has(code)
      ? 'nobody reads it any more; lines are dropped'
      : 'lines wait in memory, and are dropped when that is full';
    // Last, since the warning may come back here as a line.
    this.#warn(`log output cannot be written: ${errorText(error)}; ${effect}`, { code });
  }

  #dropAll(): void {
    for (const pending of this.#queue.splice(0)) {
      this.#dropped += pending.lines ?? countLines(pending.bytes);
      if (pending !== this.#writing) pending.done?.();
    }
    this.#outstandingBytes = 0;
    for (const done of this.#whenIdle.splice(0)) done();
  }

  #idleOrTimeout(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(this.#stopTimeoutMs, resolve);
      this.#whenIdle.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 0x0a) lines++;
  return lines;
}
