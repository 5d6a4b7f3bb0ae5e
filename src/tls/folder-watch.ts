/**
 * Watches folders, not files: editors, certbot and Kubernetes replace a file by renaming another one (or a
 * symbolic link on the way to it) over it, and a watch on the old file would never hear of the new one.
 * A folder that cannot be watched is reported once; the owner polls anyway.
 */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { errorText } from '../kernel/errors.ts';

interface Watched {
  readonly watcher: FSWatcher;
  readonly inode: bigint;
}

export class FolderWatch {
  readonly #watched = new Map<string, Watched>();
  readonly #complained = new Set<string>();
  readonly #onEvent: () => void;
  readonly #onFailure: (folder: string, why: string) => void;

  constructor(onEvent: () => void, onFailure: (folder: string, why: string) => void) {
    this.#onEvent = onEvent;
    this.#onFailure = onFailure;
  }

  /** Watches exactly these folders from now on; one that was deleted and made again is watched anew. */
  set(folders: Iterable<string>): void {
    const wanted = new Set(folders);
    for (const folder of [...this.#watched.keys()]) {
      if (!wanted.has(folder) || inodeOf(folder) !== this.#watched.get(folder)?.inode) this.#drop(folder);
    }
    for (const folder of wanted) if (!this.#watched.has(folder)) this.#add(folder);
  }

  close(): void {
    for (const folder of [...this.#watched.keys()]) this.#drop(folder);
  }

  #add(folder: string): void {
    try {
      const inode = statSync(folder, { bigint: true }).ino;
      const watcher = watch(folder, { persistent: false }, this.#onEvent);
      watcher.on('error', (error) => {
        this.#drop(folder);
        this.#complain(folder, error);
      });
      this.#watched.set(folder, { watcher, inode });
      this.#complained.delete(folder);
    } catch (error) {
      this.#complain(folder, error);
    }
  }

  #drop(folder: string): void {
    this.#watched.get(folder)?.watcher.close();
    this.#watched.delete(folder);
  }

  #complain(folder: string, error: unknown): void {
    if (this.#complained.has(folder)) return;
    this.#complained.add(folder);
    this.#onFailure(folder, errorText(error));
  }
}

function inodeOf(folder: string): bigint | undefined {
  return statSync(folder, { bigint: true, throwIfNoEntry: false })?.ino;
}
