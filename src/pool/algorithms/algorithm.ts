import type { Random } from '../../kernel/random.ts';
import type { SlotTable } from '../../kernel/slots.ts';
import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';

/**
 * A way to choose. It sees only members (up, enabled, weight > 0; primaries or backups, never both) and asks
 * `ask.accepts` before it offers one. It acquires nothing and decides nothing else.
 */
export interface Algorithm {
  /** The members or a weight changed. Both lists are aligned and stay as they are until the next call. */
  rebuild(members: readonly PoolServer[], weights: readonly number[]): void;
  /** A member that `ask` accepts; undefined only if there is none. */
  choose(ask: Ask): PoolServer | undefined;
}

export interface AlgorithmDeps {
  readonly slots: SlotTable;
  readonly random: Random;
  /** The pool's turn counter, shared by all threads. */
  readonly nextTurn: () => number;
}

/** Draws that may miss before the members are walked one by one. */
export const MAX_MISSES = 8;

/** The first member from `start` on, around the end, that is accepted and is not `except`. */
export function firstAccepted(
  members: readonly PoolServer[],
  start: number,
  ask: Ask,
  except?: PoolServer,
): PoolServer | undefined {
  for (let n = members.length, i = 0; i < n; i++) {
    const server = members[(start + i) % n];
    if (server && server !== except && ask.accepts(server)) return server;
  }
  return undefined;
}
