import { errorText } from '../kernel/errors.ts';

/**
 * What every part may say. Parts take a `Log` as an argument and never know where it goes: on the main thread
 * it is pino (observe/main), in a data thread it is `ThreadLog`, which posts records to main, because loading
 * pino in every thread costs start-up time and two writers on one file tear lines.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Facts beside the message, in snake_case as in the access log. `error` may be anything thrown. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** True when a line of this level would be written: ask before building costly fields. */
  isEnabled(level: LogLevel): boolean;
  /** A log that adds these fields to every line. */
  child(fields: LogFields): Log;
}

/** A log line on its way from a data thread to main; structured-cloneable whatever was logged. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Anything thrown, as plain data: type, message, code, stack and the chain of causes (at most five deep). */
export function plainError(thrown: unknown, depth = 0): Record<string, unknown> {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: String(thrown) };
  const plain: Record<string, unknown> = { type: thrown.name, message: errorText(thrown) };
  if ('code' in thrown && typeof thrown.code === 'string') plain['code'] = thrown.code;
  if ('hint' in thrown && typeof thrown.hint === 'string') plain['hint'] = thrown.hint;
  if (thrown.stack !== undefined) plain['stack'] = thrown.stack;
  if (thrown.cause !== undefined && depth < 5) plain['cause'] = plainError(thrown.cause, depth + 1);
  return plain;
}

/** Makes fields safe to clone and to print: errors become plain data, functions and symbols become text. */
export function plainFields(fields: LogFields): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) plain[key] = plainValue(value, 0);
  return plain;
}

function plainValue(value: unknown, depth: number): unknown {
  if (value instanceof Error) return plainError(value);
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol')
    return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= 4) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => plainValue(item, depth + 1));
  const plain: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) plain[key] = plainValue(inner, depth + 1);
  return plain;
}

/** The level, in one object that a log and all its children share: a reload reaches them all. */
export interface Threshold {
  level: LogLevel;
}

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** What logs have in common: the four ways in, behind one threshold. */
export abstract class LevelLog implements Log {
  protected readonly threshold: Threshold;

  constructor(threshold: Threshold) {
    this.threshold = threshold;
  }

  /** Takes a line that passed the threshold. */
  protected abstract put(level: LogLevel, message: string, fields: LogFields | undefined): void;
  abstract child(fields: LogFields): Log;

  /** Changes the level of this log and of all its children. */
  setLevel(level: LogLevel): void {
    this.threshold.level = level;
  }

  isEnabled(level: LogLevel): boolean {
    return ORDER[level] >= ORDER[this.threshold.level];
  }

  debug(message: string, fields?: LogFields): void {
    if (this.isEnabled('debug')) this.put('debug', message, fields);
  }
  info(message: string, fields?: LogFields): void {
    if (this.isEnabled('info')) this.put('info', message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    if (this.isEnabled('warn')) this.put('warn', message, fields);
  }
  error(message: string, fields?: LogFields): void {
    if (this.isEnabled('error')) this.put('error', message, fields);
  }
}

/** The log of a data thread: filters by level, flattens, and hands each record to `post`. */
export class ThreadLog extends LevelLog {
  readonly #post: (record: LogRecord) => void;
  readonly #bound: LogFields;

  /** @param post carries a record to main, as a rule `port.postMessage`. */
  constructor(level: LogLevel | Threshold, post: (record: LogRecord) => void, bound: LogFields = {}) {
    super(typeof level === 'string' ? { level } : level);
    this.#post = post;
    this.#bound = bound;
  }

  child(fields: LogFields): Log {
    return new ThreadLog(this.threshold, this.#post, { ...this.#bound, ...plainFields(fields) });
  }

  protected put(level: LogLevel, message: string, fields: LogFields | undefined): void {
    const all = fields === undefined ? this.#bound : { ...this.#bound, ...plainFields(fields) };
    this.#post({ level, message, fields: all });
  }
}

/** Writes a record that came from a data thread into main's log. */
export function writeRecord(log: Log, record: LogRecord): void {
  log[record.level](record.message, record.fields);
}
