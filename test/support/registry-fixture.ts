import {
  type PoolDefinition,
  Registry,
  type RegistryPlan,
  type ServerDefinition,
  serverKey,
} from '../../src/control/index.ts';
import { SlotAllocator, type SlotRef } from '../../src/kernel/slot-allocator.ts';
import { SlotTable } from '../../src/kernel/slots.ts';
import { type AnyEvent, Events } from '../../src/observe/index.ts';
import { FakeClock } from './fake-clock.ts';

export function server(id: string, more: Partial<ServerDefinition> = {}): ServerDefinition {
  return {
    id,
    host: '10.0.0.1',
    port: 80,
    weight: 1,
    backup: false,
    maxConnections: 0,
    maintenance: false,
    ...more,
  };
}

export const pool = (
  servers: readonly ServerDefinition[],
  more: Partial<PoolDefinition> = {},
): PoolDefinition => ({
  name: 'web',
  isChecked: true,
  slowStartMs: 0,
  servers,
  ...more,
});

/** A registry over real slots, driven as the applier drives it. */
export class RegistryFixture {
  readonly clock = new FakeClock();
  readonly slots = SlotTable.create({ capacity: 32, threads: 2, nowMs: this.clock.nowMs() });
  readonly #allocator = new SlotAllocator(this.slots);
  readonly events: AnyEvent[] = [];
  readonly registry: Registry;

  constructor(file: readonly PoolDefinition[] = []) {
    const events = new Events(this.clock, (_, thrown) => {
      throw thrown;
    });
    events.onAny((event) => this.events.push(event));
    this.registry = new Registry(this.slots, events, this.clock);
    if (file.length > 0) this.reload(file);
  }

  apply(plan: RegistryPlan): void {
    const keys = plan.pools.flatMap((it) => it.servers.map((server) => serverKey(it.name, server)));
    const slots = this.#allocator.prepare(keys);
    this.registry.commit(plan, (key) => slots.slots.get(key) as SlotRef);
    slots.commit();
  }

  reload(file: readonly PoolDefinition[]): void {
    this.apply(this.registry.plan(file));
  }

  ids(name = 'web'): string[] {
    return this.registry.servers(name).map((it) => it.definition.id);
  }
  weight(id: string): number {
    const live = this.registry.server('web', id);
    const inSlot = this.slots.weight(live.slot.slot);
    if (inSlot !== live.definition.weight) throw new Error(`the slot of ${id} says ${inSlot}`);
    return inSlot;
  }
  healthy(id: string, isHealthy = true): boolean {
    return this.registry.reportHealth('web', id, { isHealthy, why: 'checked', responseMs: 3 });
  }
  told(name: AnyEvent['name']): unknown[] {
    return this.events.filter((it) => it.name === name).map((it) => it.payload);
  }
}
