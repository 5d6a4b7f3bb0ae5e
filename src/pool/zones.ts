/**
 * The primaries of a pool by zone: those near, in the zone that this Sluice is in, and those far.
 *
 * The near ones take all requests as long as enough of them are healthy: a zone is meant to have some room to spare, so
 * until less than 1 / 1.4 of its weight (71 %) is left. Below that they take 1.4 times what is left of it, and the rest spills
 * over, so that the few that are left are not asked for more than 1.4 times their part (Envoy's priority levels with their
 * overprovisioning factor of 140 %). Who finds the near ones full goes to the far ones at once, and the other way round.
 *
 * With keys it is always the same keys that spill, so that a key keeps its server.
 */
import type { SlotTable } from '../kernel/slots.ts';
import type { PoolServer } from './options.ts';
import { isEnabled, isMember } from './server.ts';
import type { Tier } from './tier.ts';

const OVERPROVISIONING = 1.4;

/** The part of the requests that the near ones take, 0 to 1. @param healthy weight of those that serve @param all of those that are meant to */
export function nearShare(healthy: number, all: number): number {
  return all === 0 ? 0 : Math.min(1, (OVERPROVISIONING * healthy) / all);
}

export class Zones {
  readonly near: Tier;
  readonly far: Tier;
  #share = 0;

  private constructor(near: Tier, far: Tier) {
    this.near = near;
    this.far = far;
  }

  /** Null when the zones make no difference. @param own '' = nobody knows where this is */
  static of(
    primaries: readonly PoolServer[],
    own: string,
    tierOf: (servers: readonly PoolServer[]) => Tier,
  ): Zones | null {
    const near = primaries.filter((server) => server.zone === own);
    if (own === '' || near.length === 0 || near.length === primaries.length) return null;
    return new Zones(tierOf(near), tierOf(primaries.filter((server) => server.zone !== own)));
  }

  /** Whether both have somebody. */
  get isSplit(): boolean {
    return !this.near.isEmpty && !this.far.isEmpty;
  }

  /** @param unit drawn from 0 to 1, by chance or by the key */
  isNearFirst(unit: number): boolean {
    return unit < this.#share;
  }

  refresh(slots: SlotTable): void {
    this.near.refresh(slots, 0);
    this.far.refresh(slots, 0);
    let healthy = 0;
    let all = 0;
    for (const server of this.near.all) {
      if (!isEnabled(slots, server)) continue;
      const weight = slots.weight(server.slot);
      all += weight;
      if (isMember(slots, server)) healthy += weight;
    }
    this.#share = nearShare(healthy, all);
  }
}
