/**
 * Node keeps the streams of a session in a Map and a Set that change with each of them. Those keep streams alive long after
 * their end (kernel/linked-set.ts tells how): under load more than half of what a young collection had to copy. Here are two
 * that do not, put in their place when a session begins. A session has about a hundred streams at most, mostly far fewer,
 * and looks one up some four times in its life: going through a list of numbers is as fast as a table.
 *
 * They extend Map and Set and replace all of their methods, so it does not matter which of them a version of Node
 * calls. One that called the methods of Map and Set on them (`MapPrototypeGet`) would find what they extend, as before.
 */
import type { ServerHttp2Session } from 'node:http2';

interface SessionState {
  streams: Map<number, object>;
  pendingStreams: Set<object>;
}

/** By number, in no order. */
export class StreamMap<V extends object> extends Map<number, V> {
  readonly #ids: number[] = [];
  readonly #streams: V[] = [];

  override get size(): number {
    return this.#ids.length;
  }
  override has(id: number): boolean {
    return this.#ids.includes(id);
  }
  override get(id: number): V | undefined {
    const at = this.#ids.indexOf(id);
    return at < 0 ? undefined : this.#streams[at];
  }
  override set(id: number, stream: V): this {
    const at = this.#ids.indexOf(id);
    if (at >= 0) this.#streams[at] = stream;
    else {
      this.#ids.push(id);
      this.#streams.push(stream);
    }
    return this;
  }
  override delete(id: number): boolean {
    const at = this.#ids.indexOf(id);
    if (at < 0) return false;
    removeAt(this.#ids, at);
    removeAt(this.#streams, at);
    return true;
  }
  override clear(): void {
    this.#ids.length = this.#streams.length = 0;
  }
  /** Copies, as of the other views: streams leave while they are gone through. */
  override entries(): MapIterator<[number, V]> {
    return this.#ids.map((id, at): [number, V] => [id, this.#streams[at] as V]).values();
  }
  override keys(): MapIterator<number> {
    return this.#ids.slice().values();
  }
  override values(): MapIterator<V> {
    return this.#streams.slice().values();
  }
  override forEach(callback: (stream: V, id: number, map: Map<number, V>) => void, self?: unknown): void {
    for (const [id, stream] of this.entries()) callback.call(self, stream, id, this);
  }
  override [Symbol.iterator](): MapIterator<[number, V]> {
    return this.entries();
  }
}

/** In no order; of streams without a number: hardly ever more than one. */
export class StreamSet<V extends object> extends Set<V> {
  readonly #streams: V[] = [];

  override get size(): number {
    return this.#streams.length;
  }
  override has(stream: V): boolean {
    return this.#streams.includes(stream);
  }
  override add(stream: V): this {
    if (!this.has(stream)) this.#streams.push(stream);
    return this;
  }
  override delete(stream: V): boolean {
    const at = this.#streams.indexOf(stream);
    if (at < 0) return false;
    removeAt(this.#streams, at);
    return true;
  }
  override clear(): void {
    this.#streams.length = 0;
  }
  override values(): SetIterator<V> {
    return this.#streams.slice().values();
  }
  override keys(): SetIterator<V> {
    return this.values();
  }
  override entries(): SetIterator<[V, V]> {
    return this.#streams.map((stream): [V, V] => [stream, stream]).values();
  }
  override forEach(callback: (stream: V, same: V, set: Set<V>) => void, self?: unknown): void {
    for (const stream of this.values()) callback.call(self, stream, stream, this);
  }
  override [Symbol.iterator](): SetIterator<V> {
    return this.values();
  }
}

/** Its place is taken by the last. */
function removeAt(list: unknown[], at: number): void {
  const last = list.pop();
  if (at < list.length) list[at] = last;
}

/**
 * Puts the two into a session that has no streams yet. Where this Node keeps them in another form it stays as it is.
 * @returns whether it was done
 */
export function replaceStreamTables(session: ServerHttp2Session): boolean {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  const state = symbol && (session as unknown as Record<symbol, Partial<SessionState> | undefined>)[symbol];
  // (Node's own have the methods of Map and Set, and are no instances of them.)
  const { streams, pendingStreams } = state ?? {};
  if (streams?.size !== 0 || pendingStreams?.size !== 0) return false;
  if (typeof streams.set !== 'function' || typeof pendingStreams.add !== 'function') return false;
  (state as SessionState).streams = new StreamMap();
  (state as SessionState).pendingStreams = new StreamSet();
  return true;
}
