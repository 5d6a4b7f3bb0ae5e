/**
 * Whose turn it is in a queue with classes. The higher class goes first, always; but of four places that are given away while
 * somebody of a lower class has waited for half of the timeout, one goes to the oldest of those, so that nobody starves.
 *
 * Rejected: to let requests rise by a class after some time. In a long overload those at the end of the queue all have risen, and
 * who comes with a high priority waits behind them as if there were no classes: the flood of unimportant requests that classes are
 * there for would undo them. A bounded share costs the high ones a quarter of the places at most.
 */

/** Places that go by class before one goes to who has waited long. */
export const STRICT_PLACES = 3;
/** What is long: this part of the timeout. */
export const AGED_SHARE = 0.5;

export interface Turn {
  /** Rank of the class whose oldest request is next; -1 = nobody waits. */
  readonly rank: number;
  /** It is a lower one's turn because it has waited long. */
  readonly isAged: boolean;
}

const NOBODY: Turn = { rank: -1, isAged: false };
const BY_CLASS: readonly Turn[] = [0, 1, 2].map((rank) => ({ rank, isAged: false }));
const AGED: readonly Turn[] = [0, 1, 2].map((rank) => ({ rank, isAged: true }));

/**
 * @param oldestMs by rank: since when the oldest waits; 0 = nobody does
 * @param agedMs how long is long
 * @param given places that went by class since one went by age
 */
export function nextTurn(
  oldestMs: ArrayLike<number>,
  nowMs: number,
  { agedMs, given }: { readonly agedMs: number; readonly given: number },
): Turn {
  let best = 0;
  while (best < oldestMs.length && oldestMs[best] === 0) best++;
  if (best === oldestMs.length) return NOBODY;
  if (given >= STRICT_PLACES) {
    let aged = -1;
    for (let rank = best + 1; rank < oldestMs.length; rank++) {
      const since = oldestMs[rank] ?? 0;
      if (since === 0 || nowMs - since < agedMs) continue;
      if (aged < 0 || since < (oldestMs[aged] ?? 0)) aged = rank;
    }
    if (aged >= 0) return AGED[aged] as Turn;
  }
  return BY_CLASS[best] as Turn;
}
