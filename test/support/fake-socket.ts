import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { constants } from 'node:os';

/**
 * A TCP socket in memory, as far as the wire uses one. Nothing happens behind the test's back: bytes come when
 * `receive` is called, what the code under test asks for (a close, the callback of an end) happens in `settle`, and
 * writes go out at once unless `isStuck`.
 */
export class FakeSocket extends EventEmitter {
  /** Each piece handed to the system, as latin1 text; what is corked leaves as one. */
  readonly writes: string[] = [];
  destroyed = false;
  /** Our FIN was sent. */
  isEnded = false;
  /** Our RST was sent. */
  isReset = false;
  isPaused = false;
  /** The other side has reset the connection; nobody says so. */
  isPeerGone = false;
  /** As far as it is asked. */
  readonly _handle = { getpeername: (): number => (this.isPeerGone ? -constants.errno.ENOTCONN : 0) };
  /** While true nothing that is written leaves. */
  isStuck = false;
  /** Unsent bytes at which `write` returns false. */
  highWaterBytes = 64 * 1024;
  writableLength = 0;
  writableNeedDrain = false;
  remoteAddress: string | undefined = '192.0.2.9';
  #corks = 0;
  #corked = '';
  #unsent: (() => void)[] = [];
  readonly #inbox: Buffer[] = [];
  readonly #later: (() => void)[] = [];
  #isSettling = false;

  /** Itself, for code that takes a Socket. */
  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  /** All that was written, as latin1 text. */
  get sent(): string {
    return this.writes.join('');
  }

  // ---- the test's side

  receive(bytes: Buffer | string): void {
    this.#inbox.push(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    this.settle();
  }

  /** The other side ends its direction. */
  receiveEnd(): void {
    this.#later.push(() => this.emit('end'));
    this.settle();
  }

  /** Lets happen what is due. */
  settle(): void {
    if (this.#isSettling) return;
    this.#isSettling = true;
    for (;;) {
      const task = this.#later.shift();
      if (task) task();
      else if (this.#inbox.length > 0 && !this.isPaused && !this.destroyed)
        this.emit('data', this.#inbox.shift() as Buffer);
      else break;
    }
    this.#isSettling = false;
  }

  /** What was stuck leaves. */
  unstick(): void {
    this.isStuck = false;
    this.#sendUnsent();
    this.settle();
  }

  // ---- the socket's side

  write(data: string | Buffer, encoding?: BufferEncoding | (() => void), written?: () => void): boolean {
    const text = typeof data === 'string' ? data : data.toString('latin1');
    const callback = typeof encoding === 'function' ? encoding : written;
    if (this.destroyed) return false;
    if (this.#corks === 0) this.writes.push(text);
    else this.#corked += text;
    this.writableLength += text.length;
    this.#unsent.push(callback ?? (() => {}));
    this.writableNeedDrain = this.writableLength >= this.highWaterBytes;
    this.#handOver();
    return !this.writableNeedDrain;
  }

  cork(): void {
    this.#corks++;
  }

  uncork(): void {
    if (--this.#corks > 0) return;
    if (this.#corked !== '') this.writes.push(this.#corked);
    this.#corked = '';
    this.#handOver();
  }

  /** The system takes what it can at once; who waits for that is told later. */
  #handOver(): void {
    if (this.isStuck || this.#corks > 0) return;
    this.writableLength = 0;
    this.#later.push(() => this.#sendUnsent());
  }

  end(ended?: () => void): void {
    this.isEnded = true;
    if (ended) this.#unsent.push(ended);
    if (!this.isStuck) this.#later.push(() => this.#sendUnsent());
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#later.push(() => this.emit('close'));
  }

  resetAndDestroy(): void {
    this.isReset = true;
    this.destroy();
  }

  destroySoon(): void {
    this.isEnded = true;
    this.destroy();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  #sendUnsent(): void {
    if (this.isStuck) return;
    this.writableLength = 0;
    for (const sent of this.#unsent.splice(0)) sent();
    if (!this.writableNeedDrain) return;
    this.writableNeedDrain = false;
    this.emit('drain');
  }
}
