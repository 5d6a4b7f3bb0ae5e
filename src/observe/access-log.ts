import type { Clock, Timer } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { Reason } from '../kernel/reason.ts';
import { jsonContent } from './json-text.ts';

/**
 * The access log as a data thread sees it: one JSON line an exchange, put together by concatenation and handed to
 * main in batches; main writes (observe/main/line-writer.ts). Nothing here waits, and nothing is allocated
 * but strings.
 *
 * Rejected: JSON.stringify of an object (four times slower, bench/micro/access-log.ts), bytes into a Buffer
 * (a write call a field), writing in the thread (threads would tear each other's lines on one pipe).
 */
export interface AccessRecord {
  /** Unix time at the end of the exchange, whole milliseconds. */
  wallMs: number;
  requestId: string;
  clientIp: string;
  listener: string;
  method: string;
  host: string;
  /** Path and query as they came. */
  target: string;
  /** `HTTP/1.1`, `HTTP/2`. */
  protocol: string;
  /** '' where no route, pool or server was chosen: the key is then left out of the line. */
  route: string;
  pool: string;
  server: string;
  /** 0 when none was sent. */
  status: number;
  reason: Reason;
  durationMs: number;
  /** From the last attempt's start to the head of its answer; negative when there was none: then left out. */
  upstreamMs: number;
  attempts: number;
  /** Body bytes received from and sent to the client. */
  bytesIn: number;
  bytesOut: number;
  /** `TLSv1.3`, or '' on plain connections. */
  tls: string;
  /** '' when the client sent none. */
  userAgent: string;
}

/** A batch: whole lines, each ended by LF, ASCII only, and how many there are. */
export type AccessBatchSink = (text: string, lines: number) => void;

export interface AccessLogOptions {
  /** Fraction of the exchanges that get a line, 0–1. Answers with status >= 500 always get one. */
  readonly sampleFraction: number;
  /** A batch goes out when it has this many bytes … */
  readonly batchBytes?: number;
  /** … or when this much time has passed. */
  readonly batchMs?: number;
}

export class AccessLog {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sink: AccessBatchSink;
  readonly #batchBytes: number;
  readonly #ticker: Timer;
  #sampleFraction: number;
  #batch = '';
  #lines = 0;
  // The second that #prefix stands for, so that most lines cost no date arithmetic.
  #second = Number.NaN;
  #prefix = '';

  constructor(options: AccessLogOptions, deps: { clock: Clock; random: Random; sink: AccessBatchSink }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#sink = deps.sink;
    this.#batchBytes = options.batchBytes ?? 32 * 1024;
    this.#sampleFraction = options.sampleFraction;
    this.#ticker = this.#clock.setTicker(options.batchMs ?? 250, () => this.flush());
  }

  /** Changes the sampling; a reload may. */
  setSampleFraction(fraction: number): void {
    this.#sampleFraction = fraction;
  }

  /** Adds a line. The record is read at once and may be reused. */
  write(record: AccessRecord): void {
    // hot path: bench/micro/access-log.ts
    if (this.#sampleFraction < 1 && record.status < 500 && this.#random.next() >= this.#sampleFraction)
      return;
    this.#batch += this.#line(record);
    this.#lines++;
    if (this.#batch.length >= this.#batchBytes) this.flush();
  }

  /** Hands over what there is. */
  flush(): void {
    if (this.#lines === 0) return;
    const text = this.#batch;
    const lines = this.#lines;
    this.#batch = '';
    this.#lines = 0;
    this.#sink(text, lines);
  }

  /** Hands over the rest and stops the ticker; lines written later leave with the next `flush` only. */
  close(): void {
    this.#ticker.cancel();
    this.flush();
  }

  #line(r: AccessRecord): string {
    let line = `{"time":"${this.#time(r.wallMs)}","request_id":"${jsonContent(r.requestId)}","client_ip":"${jsonContent(r.clientIp)}","listener":"${jsonContent(r.listener)}","method":"${jsonContent(r.method)}","host":"${jsonContent(r.host)}","target":"${jsonContent(r.target)}","protocol":"${r.protocol}"`;
    if (r.route !== '') line += `,"route":"${jsonContent(r.route)}"`;
    if (r.pool !== '') line += `,"pool":"${jsonContent(r.pool)}"`;
    if (r.server !== '') line += `,"server":"${jsonContent(r.server)}"`;
    line += `,"status":${r.status},"reason":"${r.reason}","duration_ms":${millis(r.durationMs)}`;
    if (r.upstreamMs >= 0) line += `,"upstream_ms":${millis(r.upstreamMs)}`;
    line += `,"attempts":${r.attempts},"bytes_in":${r.bytesIn},"bytes_out":${r.bytesOut}`;
    if (r.tls !== '') line += `,"tls":"${r.tls}"`;
    return r.userAgent !== '' ? `${line},"user_agent":"${jsonContent(r.userAgent)}"}\n` : `${line}}\n`;
  }

  /** RFC 3339 in UTC with milliseconds. */
  #time(wallMs: number): string {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#prefix = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return `${this.#prefix}${threeDigits(Math.floor(wallMs) - second * 1000)}Z`;
  }
}

// '000' … '999': a table is three times faster than padStart, and than printing a fraction as a float.
const THREE_DIGITS: readonly string[] = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0'));

function threeDigits(n: number): string {
  return THREE_DIGITS[n] ?? '000';
}

/** Milliseconds with three decimals, from integers: `12.034`. */
function millis(ms: number): string {
  const micros = Math.max(0, Math.round(ms * 1000));
  const whole = Math.floor(micros / 1000);
  return `${whole}.${threeDigits(micros - whole * 1000)}`;
}
