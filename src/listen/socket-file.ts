/**
 * The file of a Unix socket: is made under a name of its own, gets its owner and permissions there, and is put in its place
 * in one step when the listener is to be reached. So nobody can connect before he may, a socket that a killed daemon left
 * is replaced, and where a listener follows another at the same path there is no moment without one.
 *
 * When it is removed, the path is looked at first: it may belong to a successor by then.
 */
import { chmodSync, chownSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { secretBytes } from '../kernel/random.ts';

export interface SocketFileOptions {
  /** Permission bits; who may write may connect. */
  readonly mode: number;
  /** null = as the process has it. */
  readonly gid: number | null;
}

export class SocketFile {
  readonly path: string;
  /** Where to bind. */
  readonly birthPath: string;
  readonly #options: SocketFileOptions;
  /** Which file is ours, as soon as it is in its place. */
  #inode: bigint | undefined;

  constructor(path: string, options: SocketFileOptions) {
    this.path = path;
    this.birthPath = join(dirname(path), `.s${Buffer.from(secretBytes(5)).toString('hex')}`);
    this.#options = options;
  }

  /** The socket is bound: gives it its owner and permissions. @throws when the system refuses */
  own(): void {
    const { mode, gid } = this.#options;
    if (gid !== null) chownSync(this.birthPath, -1, gid);
    chmodSync(this.birthPath, mode);
  }

  /** From here on clients find it. @throws when the system refuses */
  publish(): void {
    this.#inode = inodeOf(this.birthPath);
    renameSync(this.birthPath, this.path);
  }

  remove(): void {
    if (this.#inode !== undefined && inodeOf(this.path) === this.#inode) rmSync(this.path, { force: true });
    this.#inode = undefined;
  }
}

function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
