/** What the balancer did in the last second, out of the counters in shared memory: everybody's traffic, not ours alone. */
import type { Daemon } from '../../daemon.ts';
import type { LiveState } from './narrator.ts';

export class LiveView {
  readonly #daemon: Daemon;
  #picks = new Map<string, number>();
  #atMs: number | undefined;

  constructor(daemon: Daemon) {
    this.#daemon = daemon;
  }

  /** @param nowMs monotonic; rates are over the time since the look before, 0 at the first */
  look(nowMs: number): Pick<LiveState, 'perSecond' | 'servers'> {
    const seconds = this.#atMs === undefined ? Number.POSITIVE_INFINITY : (nowMs - this.#atMs) / 1000;
    this.#atMs = nowMs;
    const { registry, slots } = this.#daemon;
    const picks = new Map<string, number>();
    const servers = registry.poolNames().flatMap((pool) =>
      registry.servers(pool).map((server) => {
        const { id } = server.definition;
        const { picks: total } = slots.counters.totals(server.slot.slot);
        const key = `${pool}\n${id}\n${server.slot.generation}`;
        const before = this.#picks.get(key) ?? total;
        picks.set(key, total);
        return { id, state: server.state, perSecond: Math.round((total - before) / seconds) };
      }),
    );
    this.#picks = picks;
    return { perSecond: servers.reduce((sum, it) => sum + it.perSecond, 0), servers };
  }
}
