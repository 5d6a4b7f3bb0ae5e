import { secretBytes } from '../kernel/random.ts';

interface Kept {
  /** Lets go of what it remembers or holds open. */
  close(): void;
}

/**
 * What outlives a snapshot in a data thread: verdicts that cost much, key sets, connections to auth services. Each belongs to
 * the options that it was made of, and goes with the first snapshot that has them nowhere.
 */
export class AccessBook {
  /** Of this thread: what is remembered of secrets is keyed by it. */
  readonly key: Uint8Array = secretBytes(32);
  readonly #all = new Map<string, Kept>();

  /** @param key all that decides how it is made @param used gets the key: what a snapshot holds on to */
  of<T extends Kept>(key: string, used: Set<string>, make: () => T): T {
    used.add(key);
    let found = this.#all.get(key) as T | undefined;
    if (found === undefined) {
      found = make();
      this.#all.set(key, found);
    }
    return found;
  }

  keepOnly(used: ReadonlySet<string>): void {
    for (const [key, kept] of this.#all) {
      if (used.has(key)) continue;
      kept.close();
      this.#all.delete(key);
    }
  }

  closeAll(): void {
    this.keepOnly(new Set());
  }
}
