import { errorText } from '../kernel/errors.ts';

/**
 * What every part may say. Parts take a `Log` as an argument and never know where it goes: on the main thread
 * it is pino (observe/main), in a data thread it is `ThreadLog`, which posts records to main, because loading
 * pino in every thread costs start-up time and two writers on one file tear lines.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** From the chattiest to the quietest. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

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

/** The level, in one object that a log and all its children share. */
interface Threshold {
  index: number;
}

/** The log of a data thread: filters by level, flattens, and hands each record to `post`. */
export class ThreadLog implements Log {
  readonly #post: (record: LogRecord) => void;
  readonly #bound: LogFields;
  readonly #threshold: Threshold;

  /** @param post carries a record to main, as a rule `port.postMessage`. */
  constructor(level: LogLevel | Threshold, post: (record: LogRecord) => void, bound: LogFields = {}) {
    this.#post = post;
    this.#bound = bound;
    this.#threshold = typeof level === 'string' ? { index: LOG_LEVELS.indexOf(level) } : level;
  }

  /** Changes the level of this log and of all its children (a reload may). */
  setLevel(level: LogLevel): void {
    this.#threshold.index = LOG_LEVELS.indexOf(level);
  }

  isEnabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#threshold.index;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }
  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }
  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  child(fields: LogFields): Log {
    return new ThreadLog(this.#threshold, this.#post, { ...this.#bound, ...plainFields(fields) });
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (!this.isEnabled(level)) return;
    this.#post({
      level,
      message,
      fields: fields === undefined ? this.#bound : { ...this.#bound, ...plainFields(fields) },
    });
  }
}

/** Writes a record that came from a data thread into main's log. */
export function writeRecord(log: Log, record: LogRecord): void {
  log[record.level](record.message, record.fields);
}
