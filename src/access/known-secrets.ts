/**
 * What became of secrets that were checked before, so that a check that costs much is made once. The secrets themselves are not
 * kept: the key is an HMAC under a key of this thread. Right and wrong ones have their own room, so that guesses push nobody out;
 * in each the oldest makes room.
 */
import { createHmac } from 'node:crypto';

export class KnownSecrets<T> {
  readonly #key: Uint8Array;
  readonly #right = new Map<string, T>();
  readonly #wrong = new Map<string, T>();
  readonly #room: number;

  /** @param key bytes that nobody can guess @param room entries of each kind */
  constructor(key: Uint8Array, room: number) {
    this.#key = key;
    this.#room = room;
  }

  nameOf(secret: string): string {
    return createHmac('sha256', this.#key).update(secret, 'latin1').digest('latin1');
  }

  get(name: string): T | undefined {
    return this.#right.get(name) ?? this.#wrong.get(name);
  }

  set(name: string, value: T, isRight: boolean): void {
    const map = isRight ? this.#right : this.#wrong;
    if (map.size >= this.#room) map.delete(map.keys().next().value as string);
    map.set(name, value);
  }

  clear(): void {
    this.#right.clear();
    this.#wrong.clear();
  }

  get size(): number {
    return this.#right.size + this.#wrong.size;
  }
}
