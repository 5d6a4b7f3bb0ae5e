/**
 * Composition root of the main thread: makes the parts, wires them, starts and stops them in order. How a
 * configuration gets in force is assembly/applier.ts; what the threads do is thread.ts.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { AdminServer } from './admin/index.ts';
import { AccessRings } from './assembly/access-rings.ts';
import type { FileReload } from './assembly/admin.ts';
import { openAgents } from './assembly/agents.ts';
import { Applier } from './assembly/applier.ts';
import { openDiscovery } from './assembly/discovery.ts';
import { logHealth } from './assembly/health-log.ts';
import { LimitMemory } from './assembly/limit-memory.ts';
import { type Logs, openLogs } from './assembly/logs.ts';
import { makeMetrics } from './assembly/metrics.ts';
import { certificatesFolder } from './assembly/plan.ts';
import {
  diagnosticLine,
  logRefusal,
  logRefusedFile,
  logReload,
  logWarnings,
  reloadEvent,
} from './assembly/reload-report.ts';
import { makeSlotTable } from './assembly/slot-table.ts';
import type { ListenerSnapshot, PoolSnapshot } from './assembly/snapshot.ts';
import { ThreadPool } from './assembly/thread-pool.ts';
import { tellTlsEvent } from './assembly/tls-events.ts';
import { openWatches } from './assembly/watches.ts';
import { type ConfigDiff, diffConfig, type LoadResult, type ResolvedConfig } from './config/index.ts';
import {
  type AgentWatch,
  type Discovery,
  FirstChecks,
  HealthChecker,
  type HealthReport,
  type LiveServer,
  Registry,
  type ServerDefinition,
  type ServerPatch,
} from './control/index.ts';
import { formatHostPort, type HostPort } from './kernel/address.ts';
import type { Clock } from './kernel/clock.ts';
import { errorText, SluiceError } from './kernel/errors.ts';
import { fastRandom } from './kernel/random.ts';
import { BaseService } from './kernel/service.ts';
import { SlotAllocator } from './kernel/slot-allocator.ts';
import type { SlotTable } from './kernel/slots.ts';
import { Turns } from './kernel/turns.ts';
import { Events, writeRecord } from './observe/index.ts';
import { CellAllocator, type Metrics } from './observe/main/index.ts';
import { type CertificateMaterial, Secrets } from './tls/index.ts';

export interface DaemonOptions {
  readonly config: ResolvedConfig;
  /** Where self-signed certificates go; absent = `certs` beside the configuration. */
  readonly certificatesDir?: string;
  /** Descriptor of the log when no file is configured: 1, or 2 when standard output carries something else. */
  readonly logFd?: number;
  /** Reads the configuration again, for `reloadFile`; absent = it cannot be read again. */
  readonly readConfig?: () => LoadResult | Promise<LoadResult>;
}

/** What a reload did. */
export interface ReloadReport {
  readonly generation: number;
  readonly diff: ConfigDiff;
}

/** Longest wait for first health checks, before the daemon calls itself ready or puts all new servers in the place of the old. */
const SETTLE_MS = 3000;

export class Daemon extends BaseService {
  readonly name = 'daemon';
  readonly events: Events;
  readonly metrics: Metrics;
  readonly registry: Registry;
  readonly logs: Logs;
  readonly slots: SlotTable;
  readonly limits: LimitMemory;
  readonly discovery: Discovery;
  readonly #clock: Clock;
  readonly #options: DaemonOptions;
  readonly #cells: CellAllocator;
  readonly #accessRings: AccessRings;
  readonly #threads: ThreadPool;
  readonly #health: HealthChecker;
  readonly #firstChecks: FirstChecks;
  readonly #agents: AgentWatch;
  readonly #watches: ReturnType<typeof openWatches>;
  readonly #secrets: Secrets;
  readonly #applier: Applier;
  #admin: AdminServer | undefined;
  readonly #reloads = new Turns();
  /** Asked for and not begun. */
  #nextFileReload: Promise<FileReload> | undefined;
  readonly #threadsReady = Promise.withResolvers<void>();
  #isReady = false;
  #isDraining = false;
  #wasCut = false;

  constructor(options: DaemonOptions, clock: Clock) {
    super();
    const { config } = options;
    this.#options = options;
    this.#clock = clock;
    const count = config.threads === 'auto' ? availableParallelism() : config.threads;
    this.logs = openLogs(config.logs, clock, options.logFd ?? 1);
    const { log } = this.logs;
    this.events = new Events(clock, (name, error) =>
      log.error('a listener of an event failed', { event: name, error }),
    );
    const nowMs = clock.nowMs();
    this.slots = makeSlotTable(config, count, nowMs);
    this.limits = new LimitMemory(count, nowMs);
    this.#cells = new CellAllocator({ threads: count + 1 }, clock);
    this.registry = new Registry(this.slots, this.events, clock);
    this.metrics = makeMetrics(this.#cells, {
      registry: this.registry,
      slots: this.slots,
      limits: this.limits,
      pools: () => this.pools,
      logs: this.logs,
      droppedLines: () => this.#accessRings.dropped,
    });
    this.#health = new HealthChecker({
      clock,
      random: fastRandom(),
      report: (report) => this.#onHealth(report),
    });
    this.#firstChecks = new FirstChecks(clock, SETTLE_MS);
    this.#watches = openWatches(this, clock, log);
    this.#agents = openAgents(this, clock, log, (pool, server, why) =>
      this.#threads.broadcast({ type: 'server_down', pool, server, why }),
    );
    this.discovery = openDiscovery(this, clock, log, () => this.#applier.rediscover());
    this.#accessRings = new AccessRings(count, clock, this.logs.access);
    this.#threads = this.#makeThreads(count);
    this.#secrets = new Secrets(join(config.store.path, 'secrets'), {
      clock,
      onEvent: (event) => tellTlsEvent(event, log, this.events),
      onChange: (secrets) => {
        this.#threads.broadcast({ type: 'secrets', secrets });
        void this.#applier.refresh('rotated secrets');
      },
    });
    this.#applier = new Applier(config, {
      clock,
      log,
      registry: this.registry,
      slots: new SlotAllocator(this.slots),
      cells: this.#cells,
      threads: this.#threads,
      health: this.#health,
      discovery: this.discovery,
      agents: this.#agents,
      warmUp: () => this.#firstChecks.until(() => this.registry.isWarm()),
      threadsReady: () => this.#threadsReady.promise,
      certificatesDir: (it) => options.certificatesDir ?? certificatesFolder(it),
      onTlsEvent: (event) => tellTlsEvent(event, log, this.events),
    });
  }

  #makeThreads(count: number): ThreadPool {
    const { log } = this.logs;
    return new ThreadPool(count, {
      clock: this.#clock,
      log,
      script: new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url),
      startOf: (thread) => ({
        thread,
        slots: this.slots.buffer,
        ...this.limits.buffers,
        cells: this.#cells.table.handle,
        threadCells: this.#cells.block('thread', String(thread)).offset,
        secrets: this.#secrets.current(),
        accessRing: this.#accessRings.bufferOf(thread),
        logLevel: this.config.logs.level,
      }),
      onAccess: () => this.#accessRings.empty(),
      onLog: (record) => writeRecord(log, record),
      onStart: (thread) => this.events.emit('thread_start', { thread }),
      onDead: (thread, exitCode, expected, why) => {
        this.slots.zeroThread(thread);
        this.limits.releaseThread(thread);
        this.#cells.clearLevels(thread);
        this.events.emit('thread_exit', { thread, exitCode, expected, why });
      },
    });
  }

  // ---- views

  /** The configuration in force. */
  get config(): ResolvedConfig {
    return this.#applier.config;
  }
  get generation(): number {
    return this.#applier.generation;
  }
  /** The listeners in force, with their real ports. */
  get listeners(): readonly ListenerSnapshot[] {
    return this.#applier.listeners;
  }
  /** The pools in force, with the slots of what they count. */
  get pools(): readonly PoolSnapshot[] {
    return this.#applier.pools;
  }
  get certificates(): readonly CertificateMaterial[] {
    return this.#applier.certificates;
  }
  /** Where self-signed certificates and their authority are. */
  get certificatesDir(): string {
    return this.#options.certificatesDir ?? certificatesFolder(this.config);
  }
  /** Takes traffic: started, and not about to stop. */
  get isReady(): boolean {
    return this.#isReady && !this.#isDraining;
  }
  get isDraining(): boolean {
    return this.#isDraining;
  }
  /** Where the admin API listens, port 0 resolved; undefined while it does not. */
  get adminAddress(): HostPort | undefined {
    return this.#admin?.address;
  }
  /** The admin API's token that was made because none is configured. */
  get adminToken(): string | undefined {
    return this.#admin?.madeToken;
  }
  get threadCount(): number {
    return this.#threads.size;
  }
  /** Whether stopping had to cut connections because the drain timed out. */
  get wasCut(): boolean {
    return this.#wasCut;
  }

  // ---- changes

  /** Puts another configuration in force; on any failure the one before stays. Several at once: in the order of asking. */
  reload(config: ResolvedConfig): Promise<ReloadReport> {
    return this.#reloads.run(() => this.#reload(config));
  }

  async #reload(config: ResolvedConfig): Promise<ReloadReport> {
    const { log } = this.logs;
    const diff = diffConfig(this.config, config);
    await this.logs.reopen();
    try {
      const switchAccess = await this.#prepareAdminAccess(config);
      await this.#applier.apply(config);
      switchAccess();
    } catch (error) {
      logRefusal(log, error);
      this.events.emit('config_error', { file: config.file, errors: [errorText(error)] });
      throw error;
    }
    log.setLevel(config.logs.level);
    logReload(log, this.generation, diff);
    this.events.emit('reload', reloadEvent(this.generation, diff));
    return { generation: this.generation, diff };
  }

  /** Reads the configuration again; one with errors changes nothing. Asked again before its turn it is the same reload. */
  reloadFile(): Promise<FileReload> {
    this.#nextFileReload ??= this.#reloads.run(() => {
      this.#nextFileReload = undefined;
      return this.#reloadFile();
    });
    return this.#nextFileReload;
  }

  async #reloadFile(): Promise<FileReload> {
    if (this.#options.readConfig === undefined)
      throw new SluiceError('no_reload', 'this daemon was started without a file that could be read again', {
        hint: 'Start it with --config FILE.',
      });
    const loaded = await this.#options.readConfig();
    if (loaded.ok) {
      logWarnings(this.logs.log, loaded.warnings);
      return { ok: true, ...(await this.#reload(loaded.config)), warnings: loaded.warnings };
    }
    const { diagnostics } = loaded;
    logRefusedFile(this.logs.log, loaded);
    const errors = diagnostics.filter((it) => it.severity === 'error').map(diagnosticLine);
    this.events.emit('config_error', { file: this.config.file, errors });
    return { ok: false, diagnostics };
  }

  /** Adds a server to a pool while running. @throws SluiceError `no_pool`, `server_exists` */
  async addServer(pool: string, definition: ServerDefinition): Promise<LiveServer> {
    await this.#applier.change((file) => this.registry.withAdded(pool, definition, file));
    return this.registry.server(pool, definition.id);
  }

  /**
   * Takes a server out of its pool; what it is doing it finishes. `look` sees it just before, and may refuse by throwing.
   * @throws SluiceError `no_pool`, `no_server`
   */
  async removeServer(pool: string, id: string, look?: (now: LiveServer) => void): Promise<void> {
    await this.#applier.change((file) => {
      look?.(this.registry.server(pool, id));
      return this.registry.withRemoved(pool, id, file);
    });
  }

  /** Changes weight, cap, drain or maintenance at once; `look` as above. @throws SluiceError `no_pool`, `no_server` */
  changeServer(
    pool: string,
    id: string,
    patch: ServerPatch,
    by: string,
    look?: (now: LiveServer) => void,
  ): Promise<LiveServer> {
    return this.#applier.exclusive(() => {
      look?.(this.registry.server(pool, id));
      return this.registry.patch(pool, id, patch, by);
    });
  }

  /** Runs a health check now. @throws SluiceError `no_check` when the server is not checked */
  checkServer(pool: string, id: string): Promise<HealthReport> {
    return this.#health.checkNow(pool, id);
  }

  /** Ends a data thread as a crash would; it is replaced. */
  killThread(thread: number): Promise<void> {
    return this.#threads.kill(thread);
  }

  // ---- life

  protected override async onStart(): Promise<void> {
    this.events.emit('life', { state: 'starting' });
    await this.logs.start();
    this.#accessRings.start();
    for (const each of [this.#secrets, this.#health, this.discovery, this.#agents]) await each.start();
    this.#watches.start();
    // Certificates, ports and slots are made while the threads load.
    this.#threads.start().then(this.#threadsReady.resolve, this.#threadsReady.reject);
    this.#threadsReady.promise.catch(() => {}); // seen by who waits for it, and nobody may yet
    await this.#startAdmin();
    await this.#applier.apply(this.config);
    // They decide who gets the first requests.
    await this.#firstChecks.until(() => this.registry.isSettled());
    this.#isReady = true;
    this.events.emit('life', { state: 'ready' });
    this.logs.log.info('ready', {
      listeners: this.listeners.map((it) => `${it.name} ${it.socket ? it.host : `:${it.port}`}`),
      threads: this.#threads.size,
    });
  }

  /** Loaded only now, while the threads load theirs; from here on `/readyz` answers. */
  async #startAdmin(): Promise<void> {
    const { openAdmin } = await import('./assembly/admin.ts');
    this.#admin = openAdmin(this, this.#clock, this.logs.log.child({ part: 'admin' }));
    await this.#admin.start();
    const address = formatHostPort(this.#admin.address ?? this.config.admin.listen);
    this.events.emit('listener', { listener: 'admin', state: 'listening', address, why: '' });
  }

  /** Checks and reads the tokens of a configuration; the answer puts them in force. */
  async #prepareAdminAccess(config: ResolvedConfig): Promise<() => void> {
    const { adminAccess } = await import('./assembly/admin.ts');
    return (await this.#admin?.prepare(adminAccess(config.admin))) ?? (() => {});
  }

  protected override async onStop(): Promise<void> {
    this.#isDraining = true;
    this.events.emit('life', { state: 'draining' });
    const { drainTimeoutMs, preStopDelayMs } = this.config.shutdown;
    if (this.#isReady && preStopDelayMs > 0)
      await new Promise<void>((resolve) => this.#clock.setTimer(preStopDelayMs, resolve));
    await this.#reloads.idle();
    await this.discovery.stop();
    await this.#applier.stop();
    this.#wasCut = await this.#threads.drain(drainTimeoutMs);
    this.#watches.stop();
    for (const each of [this.#health, this.#agents, this.#secrets]) await each.stop();
    // Last: `/readyz` says until the end that this one drains.
    await this.#admin?.stop();
    this.events.emit('life', { state: 'stopped' });
    this.#accessRings.stop();
    await this.logs.stop();
  }

  // ---- what the parts tell

  #onHealth(report: HealthReport): void {
    const { pool, server, healthy, why, responseMs } = report;
    const hasTurnedDown = this.registry.reportHealth(pool, server, { isHealthy: healthy, why, responseMs });
    if (hasTurnedDown) this.#threads.broadcast({ type: 'server_down', pool, server, why });
    logHealth(this.logs.log, report);
    this.#firstChecks.look();
  }
}
