import { close, constants, fstatSync, mkdirSync, openSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';

/**
 * Where log bytes go, behind one small interface, because the system has two kinds of places:
 *
 * - files and terminals: `fs.write`, in the thread pool, so that a slow disk stops nobody;
 * - standard output as a pipe or a socket (a shell's `|`, a container, systemd): the process's own stream, which
 *   is non-blocking. `fs.write` there would sit in the thread pool for as long as the reader is asleep, and
 *   `process.exit` waits for the thread pool: a daemon that cannot be stopped.
 */
export interface LineSink {
  /** Writes some or all of the bytes and says how many. One call at a time. */
  write(bytes: Buffer, done: (error: Error | undefined, written: number) => void): void;
  /** Writes some of the bytes now, if this place can; else 0. Throws as the system does. */
  writeNow(bytes: Buffer): number;
  close(): void;
}

/** Where to write: a file (made with its folder, mode 0640, appended to) or a descriptor such as 1. */
export type LogTarget = { readonly path: string } | { readonly fd: number };

/** Opens the place. Throws what the system throws. */
export function openSink(to: LogTarget): LineSink {
  if ('path' in to) {
    mkdirSync(dirname(to.path), { recursive: true });
    // O_NONBLOCK: a named pipe without a reader is an error (ENXIO) at once, and no wait for ever. Files ignore it.
    const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
    return new FileSink(openSync(to.path, O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY, 0o640), true);
  }
  const stat = fstatSync(to.fd);
  if (stat.isFIFO() || stat.isSocket()) {
    if (to.fd === 1) return new StreamSink(process.stdout);
    if (to.fd === 2) return new StreamSink(process.stderr);
  }
  return new FileSink(to.fd, false);
}

class FileSink implements LineSink {
  readonly #fd: number;
  readonly #isOurs: boolean;

  constructor(fd: number, isOurs: boolean) {
    this.#fd = fd;
    this.#isOurs = isOurs;
  }

  write(bytes: Buffer, done: (error: Error | undefined, written: number) => void): void {
    write(this.#fd, bytes, 0, bytes.length, null, (error, written) => done(error ?? undefined, written ?? 0));
  }

  writeNow(bytes: Buffer): number {
    return writeSync(this.#fd, bytes);
  }

  close(): void {
    if (this.#isOurs) close(this.#fd, () => {});
  }
}

class StreamSink implements LineSink {
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Errors come to the write's callback too; without a listener they would end the process.
    stream.on('error', ignore);
  }

  write(bytes: Buffer, done: (error: Error | undefined, written: number) => void): void {
    this.#stream.write(bytes, (error) => done(error ?? undefined, error ? 0 : bytes.length));
  }

  /** The stream itself tries at once; a second way to the same pipe would tear lines. */
  writeNow(): number {
    return 0;
  }

  close(): void {
    // Standard output stays open, and so does its listener: a late EPIPE must not end the process.
  }
}

function ignore(): void {}
