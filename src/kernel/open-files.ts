import { readFileSync } from 'node:fs';

/**
 * How many files (sockets are files) this process may have open; Infinity where the system does not say. Node has raised
 * the soft limit to the hard one at its start.
 */
export function openFilesLimit(): number {
  try {
    return parseOpenFilesLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** @param limits the text of `/proc/PID/limits` (proc_pid_limits(5)) */
export function parseOpenFilesLimit(limits: string): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

/** The number of an open socket's file: the lowest that was free. -1 where it has none (any more). */
export function fileNumberOf(socket: object): number {
  const { _handle } = socket as { readonly _handle?: { readonly fd?: number } | null };
  return _handle?.fd ?? -1;
}
