/**
 * Puts configurations in force. Owns what is in force: configuration, snapshot, certificates.
 *
 *   make beside what runs: names in DNS ─▶ certificates ─▶ authorities ─▶ ports ─▶ slots ─▶ snapshot ─▶ compiled in every thread
 *   then:                  registry and health checks switch, then the threads, and what left is drained
 *
 * Make before break: where a pool has only servers that nobody has checked yet, the threads stay with those before until
 * the first of the new ones is known to answer; and a server that left keeps its slot until no thread picks it any more.
 *
 * Any failure on the first line leaves all as it was. Changes queue up, never two at once; what is derived from
 * the configuration of the moment (a runtime change, new certificates) is derived when its turn has come.
 */
import { hostname } from 'node:os';
import type { ResolvedConfig } from '../config/index.ts';
import type {
  AgentWatch,
  Discovery,
  HealthChecker,
  PoolDefinition,
  Registry,
  RegistryPlan,
} from '../control/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorText } from '../kernel/errors.ts';
import type { SlotAllocator, SlotRef } from '../kernel/slot-allocator.ts';
import { Turns } from '../kernel/turns.ts';
import type { Log } from '../observe/index.ts';
import type { CellAllocator } from '../observe/main/index.ts';
import type { CertificateMaterial, CertificateStore, TlsEvent } from '../tls/index.ts';
import {
  agentPools,
  buildSnapshot,
  dnsSources,
  healthPools,
  poolDefinitions,
  slotKeys,
} from './build-snapshot.ts';
import type { AccessLogSettings } from './messages.ts';
import { openCertificates, readAuthorityFiles, resolvePorts } from './plan.ts';
import type { ListenerSnapshot, PoolSnapshot, Snapshot } from './snapshot.ts';
import type { ThreadPool } from './thread-pool.ts';

export interface ApplierDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: Registry;
  readonly slots: SlotAllocator;
  readonly cells: CellAllocator;
  readonly threads: ThreadPool;
  readonly health: HealthChecker;
  readonly discovery: Discovery;
  readonly agents: AgentWatch;
  /** Resolves when every pool can serve as far as first health checks can tell, or it has taken too long. */
  readonly warmUp: () => Promise<void>;
  /** Resolves when the threads can take their first snapshot. */
  readonly threadsReady: () => Promise<void>;
  certificatesDir(config: ResolvedConfig): string;
  onTlsEvent(event: TlsEvent): void;
}

/** Longest wait for names in DNS that nobody has asked for before. */
const FIRST_LOOKUP_MS = 3500;

type MakePlan = (file: readonly PoolDefinition[]) => RegistryPlan;

export class Applier {
  readonly #deps: ApplierDeps;
  #config: ResolvedConfig;
  #snapshot: Snapshot | undefined;
  #certificates: CertificateStore | undefined;
  #generation = 0;
  /** Of what DNS said when the plan in force was made. */
  #discovered = -1;
  #isDiscoveryPlanned = false;
  readonly #turns = new Turns();

  constructor(config: ResolvedConfig, deps: ApplierDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  get config(): ResolvedConfig {
    return this.#config;
  }
  get generation(): number {
    return this.#generation;
  }
  get listeners(): readonly ListenerSnapshot[] {
    return this.#snapshot?.listeners ?? [];
  }
  get pools(): readonly PoolSnapshot[] {
    return this.#snapshot?.pools ?? [];
  }
  get certificates(): readonly CertificateMaterial[] {
    return this.#certificates?.materials() ?? [];
  }

  /** Puts a configuration in force. @throws SluiceError when it cannot be; then nothing has changed */
  apply(config: ResolvedConfig): Promise<void> {
    return this.#turns.run(() => this.#apply(config, (file) => this.#deps.registry.plan(file)));
  }

  /** Changes the servers of the configuration in force. */
  change(plan: MakePlan): Promise<void> {
    return this.#turns.run(() => this.#apply(this.#config, plan));
  }

  /** Runs a task between two changes: what is being put in force was planned from what was before it. */
  exclusive<T>(task: () => T): Promise<T> {
    return this.#turns.run(task);
  }

  /** Compiles the configuration in force anew: certificates or secrets have changed. */
  refresh(why: string): Promise<void> {
    return this.change((file) => this.#deps.registry.plan(file)).catch((error: unknown) => {
      this.#deps.log.error(`could not put ${why} in force`, { error });
    });
  }

  /** DNS says something new; what it says until its turn has come goes in one. */
  rediscover(): void {
    if (this.#isDiscoveryPlanned) return;
    this.#isDiscoveryPlanned = true;
    const turn = this.#turns.run(async () => {
      this.#isDiscoveryPlanned = false;
      const { registry, discovery } = this.#deps;
      if (this.#discovered === discovery.version) return;
      await this.#apply(this.#config, (file) => registry.plan(file));
    });
    turn.catch((error: unknown) =>
      this.#deps.log.error('could not put servers from DNS in force', { error }),
    );
  }

  /** Waits for what is under way and frees what is held. */
  async stop(): Promise<void> {
    await this.#turns.idle();
    await this.#certificates?.stop();
  }

  async #apply(config: ResolvedConfig, makePlan: MakePlan): Promise<void> {
    const deps = this.#deps;
    const sources = dnsSources(config);
    deps.discovery.add(sources);
    try {
      await deps.discovery.answered(sources, FIRST_LOOKUP_MS);
      await this.#applyFound(config, makePlan);
    } finally {
      // Of the configuration that is in force now, be it the one before.
      deps.discovery.use(dnsSources(this.#config));
    }
  }

  async #applyFound(config: ResolvedConfig, makePlan: MakePlan): Promise<void> {
    const deps = this.#deps;
    const { certificates, isNew } = await this.#certificatesFor(config);
    try {
      const authorities = readAuthorityFiles(config);
      const open = new Map(this.listeners.map((it) => [it.name, it]));
      const ports = await resolvePorts(config, open);
      const discovered = deps.discovery.version;
      const plan = makePlan(poolDefinitions(config, (it) => deps.discovery.found(it)));
      const slotPlan = deps.slots.prepare(slotKeys(config, plan.pools));
      const slotOf = (key: string): SlotRef => slotPlan.slots.get(key) as SlotRef;
      const generation = this.#generation + 1;
      let snapshot: Snapshot;
      try {
        snapshot = buildSnapshot(config, {
          generation,
          node: hostname(),
          pools: plan.pools,
          certificates: certificates.materials(),
          ports,
          authorities,
          slotOf,
          cellsOf: (kind, ...labels) => deps.cells.block(kind, ...labels).offset,
        });
        await deps.threadsReady();
        await deps.threads.prepare(snapshot, accessLogSettings(config));
      } catch (error) {
        slotPlan.abort();
        throw error;
      }
      deps.registry.commit(plan, slotOf);
      this.#config = config;
      this.#discovered = discovered;
      deps.health.update(healthPools(config, plan.pools, authorities));
      deps.agents.update(agentPools(config, plan.pools));
      // At the start there is nothing that could serve meanwhile.
      if (this.#generation > 0) await deps.warmUp();
      await deps.threads.commit(generation, config.shutdown.drainTimeoutMs);
      slotPlan.commit();
      this.#generation = generation;
      this.#snapshot = snapshot;
      this.#retainCells(config, plan.pools);
    } catch (error) {
      if (isNew) await certificates.stop();
      throw error;
    }
    if (isNew) {
      const before = this.#certificates;
      this.#certificates = certificates;
      await before?.stop();
    }
  }

  /** The store of certificates that fits this configuration: the one in force when nothing about them changed. */
  async #certificatesFor(
    config: ResolvedConfig,
  ): Promise<{ certificates: CertificateStore; isNew: boolean }> {
    const { clock, log, onTlsEvent, certificatesDir } = this.#deps;
    const current = this.#certificates;
    if (current && certificateWords(config) === certificateWords(this.#config))
      return { certificates: current, isNew: false };
    const directory = certificatesDir(config);
    const certificates = openCertificates(
      config,
      directory,
      clock,
      onTlsEvent,
      () => void this.refresh('changed certificates'),
    );
    try {
      await certificates.start();
    } catch (error) {
      await certificates
        .stop()
        .catch((thrown: unknown) => log.debug('certificates', { error: errorText(thrown) }));
      throw error;
    }
    return { certificates, isNew: true };
  }

  #retainCells(config: ResolvedConfig, pools: readonly PoolDefinition[]): void {
    const { cells } = this.#deps;
    cells.retain('route', [[''], ...config.routes.map((it) => [it.name])]);
    cells.retain(
      'listener',
      config.listeners.map((it) => [it.name]),
    );
    cells.retain(
      'pool',
      pools.map((it) => [it.name]),
    );
    cells.retain(
      'server',
      pools.flatMap((pool) => pool.servers.map((server) => [pool.name, server.id])),
    );
  }
}

/** All that the file says about certificates, as text to compare; where it says it does not matter. */
function certificateWords(config: ResolvedConfig): string {
  return JSON.stringify(config.certificates.map(({ source: _, ...words }) => words));
}

function accessLogSettings(config: ResolvedConfig): AccessLogSettings {
  const { enabled, sampleFraction } = config.logs.access;
  return { isEnabled: enabled, sampleFraction };
}
