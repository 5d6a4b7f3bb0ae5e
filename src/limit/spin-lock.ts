/**
 * A lock in shared memory: one cell that holds its owner's number, 0 = free. It is held for well under a microsecond; a
 * waiter spins, then sleeps in milliseconds (its owner may have lost the CPU), then gives up. A thread that dies while
 * it holds one is named by main, which gives it back; locks are never taken away by age: a thread that the kernel
 * paused for long would wake up and write beside the thief.
 */

const SPINS = 200;
/** Of 1 ms each. Longer than a thread that lost its CPU on a busy machine stays away. */
const SLEEPS = 50;

/** The number of main; those of data threads are their index + 1. */
export const MAIN_OWNER = 0x7fffffff;

/** `left`: it is ours, from before: something threw (a full stack) while we held it. */
export type BusyLock = 'taken' | 'left' | 'gave_up';

/** Takes a lock that was found taken. @param at its cell */
export function takeBusyLock(ints: Int32Array, at: number, owner: number): BusyLock {
  for (let sleeps = 0; ; sleeps++) {
    for (let spins = 0; spins < SPINS; spins++) {
      const holder = Atomics.load(ints, at);
      if (holder === 0 && Atomics.compareExchange(ints, at, 0, owner) === 0) return 'taken';
      if (holder === owner) return 'left';
    }
    if (sleeps === SLEEPS) return 'gave_up';
    const holder = Atomics.load(ints, at);
    if (holder !== 0) Atomics.wait(ints, at, holder, 1);
  }
}
