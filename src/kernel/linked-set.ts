/**
 * A set that is changed with every request or connection. A `Set` or `Map` costs such a place far more than it shows: when its
 * table is full of what was deleted it gets a new one, and V8 links the old to the new, for iterators that are under way.
 * Once one of those tables has come into the old generation it keeps all later ones alive, though it is garbage itself, and
 * with each of them what stood in it: requests that ended long ago are copied by one young collection, moved into the
 * old generation by the next, and stay until a full one. With HTTP/2 that was a tenth of the time and megabytes a second.
 *
 *   first ─▶ a ⇄ b ⇄ c ◀─ last        delete(b):  a ⇄ c,  and b refers to nobody
 *
 * So the members are linked to each other, in the order in which they came. One can be in one such set at a time.
 */
export interface Linked<T> {
  /** Written by the set only; null outside of it. */
  previous: T | null;
  next: T | null;
}

export class LinkedSet<T extends Linked<T>> implements Iterable<T> {
  #first: T | null = null;
  #last: T | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one that came first of those that are here. */
  get first(): T | null {
    return this.#first;
  }

  /** The one that came last. */
  get last(): T | null {
    return this.#last;
  }

  has(member: T): boolean {
    return member.previous !== null || this.#first === member;
  }

  /** At the end; nothing, if it is here. */
  add(member: T): void {
    if (this.has(member)) return;
    const last = this.#last;
    if (last === null) this.#first = member;
    else {
      last.next = member;
      member.previous = last;
    }
    this.#last = member;
    this.#size++;
  }

  /** @returns whether it was here */
  delete(member: T): boolean {
    if (!this.has(member)) return false;
    const { previous, next } = member;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    // What has left must keep nobody alive.
    member.previous = member.next = null;
    this.#size--;
    return true;
  }

  /** Those that are here now, but for who leaves before its turn. Who comes meanwhile is not among them. */
  *[Symbol.iterator](): Iterator<T> {
    const members: T[] = [];
    for (let member = this.#first; member !== null; member = member.next) members.push(member);
    for (const member of members) if (this.has(member)) yield member;
  }
}
