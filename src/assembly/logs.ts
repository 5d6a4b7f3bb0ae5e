/** Where lines go: the log, and the access log beside it or in a file of its own. */
import type { LogsConfig } from '../config/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { createLog, type LevelLog, LineWriter, type LogTarget } from '../observe/main/index.ts';

export interface Logs {
  readonly log: LevelLog;
  readonly access: LineWriter;
  start(): Promise<void>;
  /** Opens the files anew (after a rotation moved them). */
  reopen(): Promise<void>;
  stop(): Promise<void>;
}

/** @param fd where what goes to no file goes: 1, or 2 when standard output is taken */
export function openLogs(config: LogsConfig, clock: Clock, fd: number): Logs {
  const logTarget: LogTarget = config.file === undefined ? { fd } : { path: config.file };
  const warn = (message: string, fields: Readonly<Record<string, unknown>>): void =>
    log.warn(message, fields);
  const main = new LineWriter({ to: logTarget }, { clock, warn });
  const log = createLog(
    { level: config.level, format: config.format, fd: config.file === undefined ? fd : undefined },
    (line) => main.writeNow(line),
  );
  const ownFile = config.access.file !== undefined && config.access.file !== config.file;
  const access = ownFile
    ? new LineWriter({ to: { path: config.access.file as string } }, { clock, warn })
    : main;
  const writers = ownFile ? [main, access] : [main];
  return {
    log,
    access,
    start: async () => {
      for (const writer of writers) await writer.start();
    },
    reopen: async () => {
      for (const writer of writers) await writer.reopen();
    },
    stop: async () => {
      for (const writer of writers) await writer.stop();
    },
  };
}
