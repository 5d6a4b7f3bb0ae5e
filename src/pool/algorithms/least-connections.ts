import type { SlotTable } from '../../kernel/slots.ts';
import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import type { Algorithm, AlgorithmDeps } from './algorithm.ts';
import { MembersInTurn } from './members-in-turn.ts';

/**
 * `least_connections`: the least `(in flight + 1) / weight`, in flight counted over all threads (see load.ts for the +1).
 * The search starts at the server whose smooth turn it is, takes it at once when it is idle, and lets it win ties:
 * so a quiet pool is shared by weight and no server is first for ever. O(n), but a pool with an idle server ends early.
 */
export class LeastConnections implements Algorithm {
  readonly #slots: SlotTable;
  readonly #members: MembersInTurn;
  /** Slot of each member, so that the loop below touches no object it does not choose. */
  #slotOf = new Int32Array(0);
  #heaviest = 0;

  constructor(deps: AlgorithmDeps) {
    this.#slots = deps.slots;
    this.#members = new MembersInTurn(deps.nextTurn);
  }

  rebuild(members: readonly PoolServer[], weights: readonly number[]): void {
    this.#members.rebuild(members, weights);
    this.#slotOf = Int32Array.from(members, (server) => server.slot);
    this.#heaviest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  }

  // hot path: bench/micro/pick.ts
  choose(ask: Ask): PoolServer | undefined {
    const slots = this.#slots;
    const { list, weights } = this.#members;
    const slotOf = this.#slotOf;
    const n = slotOf.length;
    let at = this.#members.nextIndex();
    let best: PoolServer | undefined;
    let bestLoad = 0;
    let bestWeight = 0;
    for (let seen = 0; seen < n; seen++, at = at + 1 === n ? 0 : at + 1) {
      const weight = weights[at] ?? 1;
      const load = slots.inFlight(slotOf[at] ?? 0) + 1;
      if (best !== undefined && load * bestWeight >= bestLoad * weight) continue;
      const server = list[at];
      if (server === undefined || !ask.accepts(server)) continue;
      // Nothing can be less than idle at the greatest weight; and idle in its own turn is good enough.
      if (load === 1 && (seen === 0 || weight === this.#heaviest)) return server;
      best = server;
      bestLoad = load;
      bestWeight = weight;
    }
    return best;
  }
}
