import { isatty } from 'node:tty';
import pino from 'pino';
import pretty from 'pino-pretty';
import { type Log, type LogFields, type LogLevel, plainFields } from '../log.ts';

/**
 * Main's log: pino, with pino-pretty as a function on a terminal. Both run in the process and hand over one finished
 * line at a time, so a kill loses nothing that was logged before it. Rejected: pino's transports, which run in a
 * worker: lines in flight die with the process, and the worker holds up its exit.
 */
export type LogFormat = 'auto' | 'pretty' | 'json';

export interface MainLogOptions {
  readonly level: LogLevel;
  /** `auto`: pretty when standard output is a terminal and the log goes there. */
  readonly format: LogFormat;
  /** The descriptor that the lines end up at, to look whether it is a terminal; undefined = a file. */
  readonly fd: number | undefined;
}

export interface MainLog extends Log {
  /** Changes the level of this log and its children. */
  setLevel(level: LogLevel): void;
}

/** @param writeLine takes a line with its LF, as a rule `LineWriter.writeNow`. */
export function createLog(options: MainLogOptions, writeLine: (line: string) => void): MainLog {
  const isTerminal = options.fd !== undefined && isatty(options.fd);
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && isTerminal);
  const destination = isPretty ? prettyDestination(isTerminal, writeLine) : { write: writeLine };
  const threshold = { level: options.level };
  return new PinoLog(
    pino(
      {
        level: 'debug',
        base: null,
        messageKey: 'message',
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      destination,
    ),
    threshold,
  );
}

function prettyDestination(
  colorize: boolean,
  writeLine: (line: string) => void,
): { write(line: string): void } {
  const format = pretty.prettyFactory({
    colorize,
    messageKey: 'message',
    levelKey: 'level',
    timestampKey: 'time',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    errorLikeObjectKeys: ['error'],
  });
  return { write: (line) => writeLine(format(line) ?? line) };
}

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

class PinoLog implements MainLog {
  readonly #pino: pino.Logger;
  /** Shared with the children: pino copies a level into each child, a reload has to reach them all. */
  readonly #threshold: { level: LogLevel };

  constructor(logger: pino.Logger, threshold: { level: LogLevel }) {
    this.#pino = logger;
    this.#threshold = threshold;
  }

  setLevel(level: LogLevel): void {
    this.#threshold.level = level;
  }

  isEnabled(level: LogLevel): boolean {
    return ORDER[level] >= ORDER[this.#threshold.level];
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
    return new PinoLog(this.#pino.child(plainFields(fields)), this.#threshold);
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (!this.isEnabled(level)) return;
    if (fields === undefined) this.#pino[level](message);
    else this.#pino[level](plainFields(fields), message);
  }
}
