import type { SlotTable } from '../../kernel/slots.ts';
import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import type { Algorithm, AlgorithmDeps } from './algorithm.ts';
import { steadyMs, UNKNOWN } from './latency.ts';
import { MembersInTurn } from './members-in-turn.ts';

/**
 * `least_time`: the least `average response time * (in flight / weight + 1)` of all servers. The search starts at the server
 * whose smooth turn it is and lets it win ties, so equal servers share by weight. One that has not answered yet is taken to be
 * as fast as the last choice. O(n).
 */
export class LeastTime implements Algorithm {
  readonly #slots: SlotTable;
  readonly #members: MembersInTurn;
  /** Of the last choice: what a server is thought to take that nobody has heard of. */
  #usualMs = 1;

  constructor(deps: AlgorithmDeps) {
    this.#slots = deps.slots;
    this.#members = new MembersInTurn(deps.nextTurn);
  }

  rebuild(members: readonly PoolServer[], weights: readonly number[]): void {
    this.#members.rebuild(members, weights);
  }

  // hot path: bench/micro/pick.ts
  choose(ask: Ask): PoolServer | undefined {
    const slots = this.#slots;
    const { list: members, weights } = this.#members;
    const n = members.length;
    let at = this.#members.nextIndex();
    let best: PoolServer | undefined;
    let bestScore = Number.POSITIVE_INFINITY;
    let bestMs = UNKNOWN;
    for (let seen = 0; seen < n; seen++, at = at + 1 === n ? 0 : at + 1) {
      const server = members[at] as PoolServer;
      const timeMs = steadyMs(slots, server.slot, ask.nowMs);
      const load = slots.inFlight(server.slot) / (weights[at] ?? 1) + 1;
      const score = (timeMs === UNKNOWN ? this.#usualMs : timeMs) * load;
      if (score >= bestScore || !ask.accepts(server)) continue;
      best = server;
      bestScore = score;
      bestMs = timeMs;
    }
    if (bestMs !== UNKNOWN) this.#usualMs = bestMs;
    return best;
  }
}
