import { NORMAL_RANK } from '../../src/kernel/priority.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { SlotAllocator } from '../../src/kernel/slot-allocator.ts';
import { SlotTable, STATE } from '../../src/kernel/slots.ts';
import {
  type AlgorithmName,
  compilePool,
  type HashOptions,
  type Lease,
  type PickContext,
  type PickResult,
  type Pool,
  type PoolDeps,
  type PoolOptions,
  type PoolServer,
  type StickyOptions,
} from '../../src/pool/index.ts';
import { FakeClock } from './fake-clock.ts';

export interface ServerSpec {
  readonly id: string;
  readonly weight?: number;
  readonly max?: number;
  readonly backup?: boolean;
  readonly zone?: string;
}

export interface PoolSpec {
  readonly algorithm?: AlgorithmName;
  readonly hash?: HashOptions;
  readonly panic?: number;
  readonly servers: readonly ServerSpec[];
  readonly sticky?: StickyOptions | null;
  readonly stickyKeys?: readonly Uint8Array[];
  readonly queue?: { max: number; timeoutMs: number };
  readonly subset?: number;
  readonly threads?: number;
  readonly zone?: string;
  readonly seed?: number;
}

export const STICKY_KEY = Buffer.alloc(32, 7);

/** One pool over healthy servers in a slot table of its own, with a clock that the test moves. */
export class PoolFixture {
  readonly clock = new FakeClock();
  readonly slots: SlotTable;
  readonly allocator: SlotAllocator;
  readonly options: PoolOptions;
  readonly pool: Pool;
  readonly seed: number;
  readonly #stickyKeys: readonly Uint8Array[];

  constructor(spec: PoolSpec) {
    this.seed = spec.seed ?? 1;
    this.#stickyKeys = spec.stickyKeys ?? [STICKY_KEY];
    this.slots = SlotTable.create({
      capacity: spec.servers.length + 8,
      threads: spec.threads ?? 2,
      nowMs: this.clock.nowMs(),
    });
    this.allocator = new SlotAllocator(this.slots);
    const plan = this.allocator.prepare(['pool', ...spec.servers.map((server) => server.id)]);
    plan.commit();
    const slotOf = (key: string) => plan.slots.get(key) ?? { slot: -1, generation: -1 };
    for (const { id, weight, max } of spec.servers) {
      const { slot } = slotOf(id);
      this.slots.setState(slot, STATE.healthy, 0);
      this.slots.setWeight(slot, weight ?? 1);
      this.slots.setMaxConnections(slot, max ?? 0);
    }
    this.options = {
      name: 'pool',
      slot: slotOf('pool').slot,
      algorithm: spec.algorithm ?? 'round_robin',
      hash: spec.hash ?? null,
      panic: spec.panic ?? 0,
      zone: spec.zone ?? '',
      subset: spec.subset === undefined ? null : { size: spec.subset, node: 'one' },
      servers: spec.servers.map(({ id, backup, zone }, i) => ({
        id,
        zone: zone ?? '',
        address: `10.0.0.${i}:80`,
        host: `10.0.0.${i}`,
        port: 80,
        tls: false,
        backup: backup ?? false,
        ...slotOf(id),
      })),
      sticky: spec.sticky ?? null,
      queue: spec.queue ?? { max: 0, timeoutMs: 0 },
    };
    this.pool = this.compile({});
  }

  /** The same pool as another thread, or another snapshot, has it. */
  compile(deps: Partial<PoolDeps>, options: Partial<PoolOptions> = {}): Pool {
    return compilePool(
      { ...this.options, ...options },
      {
        slots: this.slots,
        thread: 0,
        clock: this.clock,
        random: new SeededRandom(this.seed),
        stickyKeys: this.#stickyKeys,
        ...deps,
      },
    );
  }

  server(id: string): PoolServer {
    const found = this.pool.servers.find((server) => server.id === id);
    if (!found) throw new Error(`no server ${id}`);
    return found;
  }

  ctx(part: Partial<PickContext> = {}): PickContext {
    const nowMs = this.clock.nowMs();
    return {
      hashKey: 0,
      cookieHeader: null,
      tried: [],
      secure: false,
      priority: NORMAL_RANK,
      nowMs,
      ...part,
    };
  }

  /** A lease that the test expects to get. */
  take(part: Partial<PickContext> = {}, pool: Pool = this.pool): Lease {
    const result = pool.pick(this.ctx(part));
    if (result.kind !== 'picked') throw new Error(`refused: ${result.reason}`);
    return result;
  }

  /** `picks` requests one after the other, each of another client: how many each server got. */
  spread(picks: number, part: Partial<PickContext> = {}): Record<string, number> {
    const got: Record<string, number> = {};
    for (let i = 0; i < picks; i++) {
      const lease = this.take({ hashKey: Math.imul(i, 0x01000193), ...part });
      got[lease.server.id] = (got[lease.server.id] ?? 0) + 1;
      lease.release('ok');
    }
    return got;
  }

  down(...ids: readonly string[]): void {
    for (const id of ids) this.slots.setState(this.server(id).slot, 0, STATE.healthy);
  }
  up(...ids: readonly string[]): void {
    for (const id of ids) this.slots.setState(this.server(id).slot, STATE.healthy, 0);
  }
  set(id: string, bits: number): void {
    this.slots.setState(this.server(id).slot, bits, 0);
  }

  /** Over all slots, the pool's own among them: 0 when everything was given back. */
  inFlight(): number {
    let sum = 0;
    for (let slot = 0; slot < this.slots.capacity; slot++) sum += this.slots.inFlight(slot);
    return sum;
  }
}

/** The reason of a refusal, or who was picked. */
export function said(result: PickResult): string {
  return result.kind === 'picked' ? result.server.id : result.reason;
}
