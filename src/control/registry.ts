/**
 * The live model of pools and servers on the main thread: what the file says, what was changed while running, and
 * each server's slot. The only writer of a slot's state, weight and cap.
 *
 * What survives a reload: a server that the file keeps under its id keeps its slot (health, counters, requests in
 * flight). A runtime change (weight, drain, maintenance, removal, an added server) stays until the file says
 * something new about that very server: then the file wins, drain included. A server that the API added and that the
 * file then names in the same words is no exception: nothing new was said. Another address is another machine: it has
 * a slot of its own and begins anew, whatever its id. What DNS says counts as the file's words. A restart forgets
 * runtime changes.
 */
import type { Clock } from '../kernel/clock.ts';
import { SluiceError } from '../kernel/errors.ts';
import type { SlotRef } from '../kernel/slot-allocator.ts';
import { type SlotTable, STATE } from '../kernel/slots.ts';
import type { Events } from '../observe/index.ts';
import type { AgentState } from './agent/index.ts';
import { effectiveOf } from './effective.ts';
import { type Entry, keptEntry, newEntry, type PoolEntry, stateOf, viewOf } from './entry.ts';
import {
  isSameServer,
  type LiveServer,
  type PoolDefinition,
  type ServerDefinition,
  type ServerPatch,
  type ServerRef,
  type ServerState,
} from './live-server.ts';

/** Pools as the next snapshot will have them, before it is in force. */
export interface RegistryPlan {
  readonly pools: readonly PoolDefinition[];
  readonly removed: ReadonlyMap<string, ReadonlyMap<string, ServerDefinition>>;
  /** The file's own words, to tell later what the file changed. */
  readonly file: readonly PoolDefinition[];
}

/** Of a server's slot. Another address is another machine: it starts with a slot of its own. */
export const serverKey = (
  pool: string,
  { id, host, port }: Pick<ServerDefinition, 'id' | 'host' | 'port'>,
): string => `server\n${pool}\n${id}\n${host} ${port}`;

export class Registry {
  readonly #slots: SlotTable;
  readonly #events: Events;
  readonly #clock: Pick<Clock, 'nowMs'>;
  #pools = new Map<string, PoolEntry>();

  constructor(slots: SlotTable, events: Events, clock: Pick<Clock, 'nowMs'>) {
    this.#slots = slots;
    this.#events = events;
    this.#clock = clock;
  }

  // ---- from one snapshot to the next

  /** What a configuration's pools become together with the runtime changes that outlive it. Changes nothing. */
  plan(file: readonly PoolDefinition[]): RegistryPlan {
    const removed = new Map<string, ReadonlyMap<string, ServerDefinition>>();
    const pools = file.map((pool) => {
      const known = this.#pools.get(pool.name);
      if (!known) return pool;
      const stillRemoved = new Map<string, ServerDefinition>();
      const servers: ServerDefinition[] = [];
      for (const fresh of pool.servers) {
        const gone = known.removed.get(fresh.id);
        if (gone && isSameServer(gone, fresh)) stillRemoved.set(fresh.id, fresh);
        else servers.push(mergeServer(known.servers.get(fresh.id), fresh));
      }
      const inFile = new Set(pool.servers.map((it) => it.id));
      for (const [id, entry] of known.servers) {
        if (entry.fileDefinition === undefined && !inFile.has(id)) servers.push(entry.definition);
      }
      removed.set(pool.name, stillRemoved);
      return { ...pool, servers };
    });
    return { pools, removed, file };
  }

  /** Puts a plan in force. `slotOf` gives each server's slot by `serverKey`. */
  commit(plan: RegistryPlan, slotOf: (key: string) => SlotRef): void {
    const next = new Map<string, PoolEntry>();
    for (const pool of plan.pools) {
      const before = this.#pools.get(pool.name);
      const inFile = new Map(
        plan.file.find((it) => it.name === pool.name)?.servers.map((it) => [it.id, it] as const),
      );
      const entry: PoolEntry = {
        name: pool.name,
        isChecked: pool.isChecked,
        slowStartMs: pool.slowStartMs,
        servers: new Map(),
        refs: [],
        removed: new Map(plan.removed.get(pool.name) ?? []),
      };
      for (const definition of pool.servers) {
        const slot = slotOf(serverKey(pool.name, definition));
        const fileDefinition = inFile.get(definition.id);
        entry.servers.set(definition.id, this.#commitServer(pool, before, definition, fileDefinition, slot));
      }
      entry.refs = [...entry.servers].map(([id, { slot }]) => ({ id, slot }));
      this.#report(before, entry);
      next.set(pool.name, entry);
    }
    this.#pools = next;
  }

  #commitServer(
    pool: PoolDefinition,
    poolBefore: PoolEntry | undefined,
    definition: ServerDefinition,
    fileDefinition: ServerDefinition | undefined,
    slot: SlotRef,
  ): Entry {
    const before = poolBefore?.servers.get(definition.id);
    const isKept =
      before !== undefined && before.slot.slot === slot.slot && before.slot.generation === slot.generation;
    const entry = isKept
      ? keptEntry(before, definition, fileDefinition, pool.isChecked)
      : newEntry(definition, fileDefinition, slot, pool.isChecked);
    entry.isLate = isKept ? before.isLate : poolBefore !== undefined;
    if (isKept && before.definition.maintenance && !definition.maintenance)
      this.#warmUp(slot, pool.slowStartMs);
    if (!pool.isChecked && entry.isLate && !isKept) this.#warmUp(slot, pool.slowStartMs);
    this.#write(entry);
    return entry;
  }

  #report(before: PoolEntry | undefined, after: PoolEntry): void {
    if (!before) return;
    const tell = (server: string, change: 'added' | 'changed' | 'removed'): void =>
      this.#events.emit('server_change', { pool: after.name, server, change, by: 'configuration' });
    for (const [id, entry] of after.servers) {
      const old = before.servers.get(id);
      if (!old) tell(id, 'added');
      else if (!isSameServer(old.definition, entry.definition)) tell(id, 'changed');
    }
    for (const id of before.servers.keys()) if (!after.servers.has(id)) tell(id, 'removed');
  }

  // ---- runtime changes

  /** Adds a server; it is in force after the next `plan` and `commit`. @throws SluiceError when the id is taken */
  withAdded(pool: string, definition: ServerDefinition, file: readonly PoolDefinition[]): RegistryPlan {
    const entry = this.#pool(pool);
    if (entry.servers.has(definition.id)) {
      throw new SluiceError('server_exists', `pool "${pool}" has a server "${definition.id}" already`, {
        hint: 'Change it with PATCH, or choose another id.',
      });
    }
    const plan = this.plan(file);
    return {
      ...plan,
      pools: plan.pools.map((it) =>
        it.name === pool ? { ...it, servers: [...it.servers, definition] } : it,
      ),
      removed: withoutKey(plan.removed, pool, definition.id),
    };
  }

  /** Removes a server, as `withAdded`. */
  withRemoved(pool: string, id: string, file: readonly PoolDefinition[]): RegistryPlan {
    const known = this.#server(pool, id);
    const plan = this.plan(file);
    const removed = new Map(plan.removed);
    if (known.fileDefinition)
      removed.set(pool, new Map([...(removed.get(pool) ?? []), [id, known.fileDefinition]]));
    return {
      ...plan,
      removed,
      pools: plan.pools.map((it) =>
        it.name === pool ? { ...it, servers: it.servers.filter((server) => server.id !== id) } : it,
      ),
    };
  }

  /** Changes a server at once; no snapshot is needed, all of it stands in the slot. */
  patch(pool: string, id: string, patch: ServerPatch, by: string): LiveServer {
    const entry = this.#server(pool, id);
    const before = this.#state(entry);
    const { definition, slot } = entry;
    entry.definition = {
      ...definition,
      weight: patch.weight ?? definition.weight,
      maxConnections: patch.maxConnections ?? definition.maxConnections,
      maintenance: patch.maintenance ?? definition.maintenance,
    };
    entry.isDraining = patch.draining ?? entry.isDraining;
    if (definition.maintenance && !entry.definition.maintenance)
      this.#warmUp(slot, this.#pool(pool).slowStartMs);
    this.#write(entry);
    this.#events.emit('server_change', { pool, server: id, change: 'changed', by });
    this.#tellState(pool, id, before, this.#state(entry), `by ${by}`);
    return this.#view(pool, entry);
  }

  /** What a health check found. @returns whether the server has just turned unhealthy */
  reportHealth(
    pool: string,
    id: string,
    report: { isHealthy: boolean; why: string; responseMs: number },
  ): boolean {
    const its = this.#pools.get(pool);
    const entry = its?.servers.get(id);
    if (!its || !entry) return false;
    const before = this.#state(entry);
    const wasHealthy = this.#isHealthy(entry);
    const isWarm = !entry.isChecked && !entry.isLate;
    entry.isPassing = report.isHealthy;
    this.#recover(its, entry, wasHealthy, isWarm);
    entry.isChecked = true;
    entry.healthWhy = report.why;
    entry.healthMs = report.responseMs;
    this.#setBit(entry.slot, STATE.checked, true);
    this.#write(entry);
    if (report.isHealthy) this.#slots.clearSuspect(entry.slot.slot);
    this.#tellState(pool, id, before, this.#state(entry), report.why);
    return wasHealthy && !report.isHealthy;
  }

  /** What its agent says of a server; undefined = it is asked no more. @returns whether the server has just turned unhealthy */
  reportAgent(pool: string, id: string, agent: AgentState | undefined): boolean {
    const its = this.#pools.get(pool);
    const entry = its?.servers.get(id);
    if (!its || !entry) return false;
    const before = this.#state(entry);
    const wasHealthy = this.#isHealthy(entry);
    entry.agent = agent;
    this.#recover(its, entry, wasHealthy, false);
    if (before === 'maintenance' && !effectiveOf(entry).isInMaintenance)
      this.#warmUp(entry.slot, its.slowStartMs);
    this.#write(entry);
    this.#tellState(pool, id, before, this.#state(entry), agent?.why ?? 'its agent is asked no more');
    return wasHealthy && !this.#isHealthy(entry);
  }

  /** If it is about to be healthy again. @param isWarm what is there when Sluice starts is warm, as far as anybody knows */
  #recover(its: PoolEntry, entry: Entry, wasHealthy: boolean, isWarm: boolean): void {
    if (wasHealthy || !effectiveOf(entry).isHealthy) return;
    if (!isWarm) this.#warmUp(entry.slot, its.slowStartMs);
    // What requests showed was of the one before: it was down since.
    this.#setEjected(entry, false, '');
  }

  /** What requests have shown of a server: it is out, or in again. */
  setEjected(pool: string, id: string, isEjected: boolean, why: string): void {
    const its = this.#pools.get(pool);
    const entry = its?.servers.get(id);
    if (!its || !entry) return;
    const before = this.#state(entry);
    this.#setEjected(entry, isEjected, why);
    if (!isEjected) this.#warmUp(entry.slot, its.slowStartMs);
    this.#tellState(pool, id, before, this.#state(entry), why);
  }

  #setEjected(entry: Entry, isEjected: boolean, why: string): void {
    entry.ejectedWhy = isEjected ? why : '';
    this.#setBit(entry.slot, STATE.ejected, isEjected);
  }

  // ---- views

  /** Of a pool that is there: cheap, for who looks often. */
  refs(pool: string): readonly ServerRef[] {
    return this.#pools.get(pool)?.refs ?? [];
  }

  poolNames(): readonly string[] {
    return [...this.#pools.keys()];
  }

  /** @throws SluiceError `no_pool` */
  servers(pool: string): readonly LiveServer[] {
    return [...this.#pool(pool).servers.values()].map((entry) => this.#view(pool, entry));
  }

  /** @throws SluiceError `no_pool`, `no_server` */
  server(pool: string, id: string): LiveServer {
    return this.#view(pool, this.#server(pool, id));
  }

  /** Whether every checked server has had its first check. */
  isSettled(): boolean {
    for (const pool of this.#pools.values()) {
      if (!pool.isChecked) continue;
      for (const entry of pool.servers.values()) if (!entry.isChecked) return false;
    }
    return true;
  }

  /** Whether each pool has a server that takes requests, as far as its first checks can still change that. */
  isWarm(): boolean {
    for (const pool of this.#pools.values()) {
      const servers = [...pool.servers.values()];
      if (
        !pool.isChecked ||
        servers.some((it) => this.#state(it) === 'healthy' && effectiveOf(it).weight > 0)
      )
        continue;
      if (servers.some((it) => this.#state(it) === 'unknown')) return false;
    }
    return true;
  }

  #pool(name: string): PoolEntry {
    const pool = this.#pools.get(name);
    if (pool) return pool;
    throw new SluiceError('no_pool', `there is no pool "${name}"`, {
      hint: `There are: ${[...this.#pools.keys()].join(', ') || 'none'}.`,
    });
  }

  #server(pool: string, id: string): Entry {
    const entry = this.#pool(pool).servers.get(id);
    if (entry) return entry;
    throw new SluiceError('no_server', `pool "${pool}" has no server "${id}"`, {
      hint: `There are: ${[...this.#pool(pool).servers.keys()].join(', ') || 'none'}.`,
    });
  }

  #state(entry: Entry): ServerState {
    return stateOf(entry, this.#slots.state(entry.slot.slot));
  }

  #view(pool: string, entry: Entry): LiveServer {
    return viewOf(pool, entry, this.#state(entry));
  }

  #warmUp({ slot }: SlotRef, rampMs: number): void {
    this.#slots.setRamp(slot, rampMs, this.#clock.nowMs());
  }

  #isHealthy({ slot: { slot } }: Entry): boolean {
    return (this.#slots.state(slot) & STATE.healthy) !== 0;
  }

  /** The one place that puts what is said of a server into its slot. */
  #write(entry: Entry): void {
    const { slot } = entry;
    const effective = effectiveOf(entry);
    this.#slots.setWeight(slot.slot, effective.weight);
    this.#slots.setMaxConnections(slot.slot, effective.maxConnections);
    this.#setBit(slot, STATE.maintenance, effective.isInMaintenance);
    this.#setBit(slot, STATE.draining, effective.isDraining);
    this.#setBit(slot, STATE.healthy, effective.isHealthy);
  }

  #setBit(slot: SlotRef, bit: number, isSet: boolean): void {
    this.#slots.setState(slot.slot, isSet ? bit : 0, isSet ? 0 : bit);
  }

  #tellState(pool: string, server: string, from: ServerState, to: ServerState, why: string): void {
    if (from !== to) this.#events.emit('server_state', { pool, server, from, to, why });
  }
}

/** The file's new words about a server, unless they are its old ones: then the runtime changes stay. */
function mergeServer(known: Entry | undefined, fresh: ServerDefinition): ServerDefinition {
  return known !== undefined && isSameServer(known.baseline, fresh) ? known.definition : fresh;
}

function withoutKey(map: RegistryPlan['removed'], pool: string, id: string): RegistryPlan['removed'] {
  const copy = new Map([...(map.get(pool) ?? [])]);
  copy.delete(id);
  return new Map([...map, [pool, copy]]);
}
