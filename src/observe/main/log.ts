import { isatty } from 'node:tty';
import pino from 'pino';
import pretty from 'pino-pretty';
import { LevelLog, type Log, type LogFields, type LogLevel, plainFields, type Threshold } from '../log.ts';

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

/** @param writeLine takes a line with its LF, as a rule `LineWriter.writeNow`. */
export function createLog(options: MainLogOptions, writeLine: (line: string) => void): LevelLog {
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

class PinoLog extends LevelLog {
  readonly #pino: pino.Logger;

  /** The level is ours to filter by: pino copies its own into each child. */
  constructor(logger: pino.Logger, threshold: Threshold) {
    super(threshold);
    this.#pino = logger;
  }

  child(fields: LogFields): Log {
    return new PinoLog(this.#pino.child(plainFields(fields)), this.threshold);
  }

  protected put(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (fields === undefined) this.#pino[level](message);
    else this.#pino[level](plainFields(fields), message);
  }
}
