/**
 * The demo: bookstores, the balancer in front of them in this process, and light traffic through it. Owns the order in
 * which they start, change and end:
 *
 *   start    turn ─▶ ports ─▶ bookstores ─▶ balancer ─▶ told ─▶ traffic
 *   reload   file ─▶ new bookstores run ─▶ balancer switches ─▶ those that left drain and stop
 *   stop     traffic ─▶ balancer drains ─▶ bookstores ─▶ summary
 */
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { claimPort } from '../../assembly/ports.ts';
import { logWarnings } from '../../assembly/reload-report.ts';
import {
  diffConfig,
  type LoadedConfig,
  type LoadResult,
  type PoolConfig,
  type ResolvedConfig,
} from '../../config/index.ts';
import type { Daemon } from '../../daemon.ts';
import { formatHostPort } from '../../kernel/address.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { errorText, SluiceError } from '../../kernel/errors.ts';
import { fastRandom } from '../../kernel/random.ts';
import { BaseService } from '../../kernel/service.ts';
import { authorityFileOf } from '../../tls/index.ts';
import { diagnosticsText } from '../configuration.ts';
import { Fleet } from './fleet.ts';
import { LiveView } from './live-view.ts';
import type { DemoFacts, DemoServer, Narrator } from './narrator.ts';
import { PortFinder, place, wantedServers, withServerCount } from './placement.ts';
import { takeTurn } from './start-turn.ts';
import { Traffic } from './traffic.ts';

export interface DemoOptions {
  readonly loaded: LoadedConfig;
  /** Reads the file again. */
  readonly read: () => LoadResult;
  /** For all that is kept; it exists. */
  readonly folder: string;
  /** Of the balancer's first listener with TLS; undefined = as the file says, or a free one. */
  readonly port: number | undefined;
  /** How many servers the first pool has; undefined = as the file says. */
  readonly servers: number | undefined;
  /** Requests a second; 0 = none. */
  readonly rate: number;
  /** The log goes to standard error instead of a file: standard output carries events. */
  readonly logsToStderr: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
}

const TICK_MS = 1000;
/** How often ports are looked for again when somebody was faster. */
const PLACING_TRIES = 3;
const MAX_LOG_BYTES = 10 * 1024 ** 2;

export class Demo extends BaseService {
  readonly name = 'demo';
  readonly #options: DemoOptions;
  readonly #clock: Clock;
  readonly #narrator: Narrator;
  readonly #ports = new PortFinder();
  readonly #fleet: Fleet;
  #daemon: Daemon | undefined;
  #traffic: Traffic | undefined;
  #ticker: Timer | undefined;
  #readyMs: number | undefined;
  #reloads: Promise<unknown> = Promise.resolve();
  #retiring: Promise<void> = Promise.resolve();
  /** The mistakes of the file that was read last, for people. */
  #refusal: string | undefined;

  constructor(options: DemoOptions, deps: { readonly clock: Clock; readonly narrator: Narrator }) {
    super();
    this.#options = options;
    this.#clock = deps.clock;
    this.#narrator = deps.narrator;
    this.#fleet = new Fleet({
      clock: deps.clock,
      env: options.env,
      databaseFile: join(options.folder, 'bookstore.db'),
      onEvent: (event) => deps.narrator.fleet(event),
    });
  }

  /** Undefined until the balancer exists. */
  get daemon(): Daemon | undefined {
    return this.#daemon;
  }

  /** Reads the file again; one after the other. */
  reload(): Promise<unknown> {
    // A refused file is told, and nothing has changed.
    this.#reloads = this.#reloads
      .then(() => this.start())
      .then(() => this.#daemon?.reloadFile())
      .catch(() => {});
    return this.#reloads;
  }

  protected async onStart(): Promise<void> {
    const { loaded, folder, rate } = this.#options;
    this.#narrator.starting(loaded.config.file);
    await this.#claimAskedFor(loaded.config);
    for (const name of ['access.log', 'sluice.log']) keepShort(join(folder, name));
    const endTurn = await takeTurn(folder, this.#clock);
    let daemon: Daemon;
    try {
      daemon = await this.#startAll(loaded);
    } finally {
      endTurn();
    }
    const facts = this.#facts(daemon);
    this.#readyMs = this.#clock.nowMs();
    this.#narrator.ready(facts);
    if (rate > 0) await this.#startTraffic(facts, rate);
    const view = new LiveView(daemon);
    view.look(this.#clock.nowMs());
    this.#ticker = this.#clock.setTicker(TICK_MS, () => this.#tick(view));
  }

  /** The port of `--port` is not given up for another: nothing has to be started to find it taken. */
  async #claimAskedFor(config: ResolvedConfig): Promise<void> {
    const { port } = this.#options;
    const listener = mainListener(config);
    if (port !== undefined && listener !== undefined)
      await claimPort(`listener "${listener.name}"`, listener.address, port);
  }

  /** A port that was free when it was looked for may be taken by now (another demo starts): then look again. */
  async #startAll(loaded: LoadedConfig): Promise<Daemon> {
    for (let left = PLACING_TRIES; ; left--) {
      try {
        return await this.#startOnce(loaded);
      } catch (error) {
        if (left === 0 || !(error instanceof SluiceError) || error.code !== 'port_taken') throw error;
        await this.#daemon?.stop();
        this.#ports.forget();
      }
    }
  }

  async #startOnce(loaded: LoadedConfig): Promise<Daemon> {
    const { folder, logsToStderr } = this.#options;
    // The balancer's code is loaded while the bookstores start.
    const [{ Daemon }, config] = await Promise.all([import('../../daemon.ts'), this.#place(loaded.config)]);
    const daemon = new Daemon(
      {
        config,
        certificatesDir: join(folder, 'certs'),
        logFd: logsToStderr ? 2 : 1,
        readConfig: () => this.#read(),
      },
      this.#clock,
    );
    this.#daemon = daemon;
    logWarnings(daemon.logs.log, loaded.warnings);
    daemon.events.on('server_state', (event) => this.#narrator.serverState(event));
    await daemon.start();
    this.#onReloads(daemon);
    return daemon;
  }

  /** The file's words with the ports of this run; every bookstore that it names runs. */
  async #place(file: ResolvedConfig): Promise<ResolvedConfig> {
    const { servers, folder, logsToStderr, port } = this.#options;
    const config = servers === undefined ? file : withServerCount(file, servers);
    const started = this.#fleet.ensure(wantedServers(config));
    // One after the other: what a port is asked for must not be found free twice.
    const { host, port: adminPort } = config.admin.listen;
    const foundAdmin = await this.#ports.find('the admin API', host, adminPort);
    const listenerPorts = new Map<string, number>();
    const fixed = port === undefined ? undefined : mainListener(config);
    for (const listener of config.listeners) {
      const { name, address } = listener;
      const found =
        listener === fixed && port !== undefined
          ? port
          : await this.#ports.find(`listener ${name}`, address, listener.port);
      listenerPorts.set(name, found);
    }
    await started;
    return place(config, {
      folder,
      logFile: logsToStderr ? undefined : join(folder, 'sluice.log'),
      adminPort: foundAdmin,
      listenerPort: ({ name, port: wanted }) => listenerPorts.get(name) ?? wanted,
      serverPort: (key) => this.#fleet.member(key)?.port,
    });
  }

  async #startTraffic({ proxy, caFile }: DemoFacts, rate: number): Promise<void> {
    const ca = caFile !== '' && existsSync(caFile) ? readFileSync(caFile, 'utf8') : undefined;
    const deps = { clock: this.#clock, random: fastRandom() };
    this.#traffic = new Traffic({ baseUrl: proxy, ca, rate }, deps);
    await this.#traffic.start();
  }

  #tick(view: LiveView): void {
    const nowMs = this.#clock.nowMs();
    const elapsedMs = nowMs - (this.#readyMs ?? nowMs);
    this.#narrator.tick({ ...view.look(nowMs), traffic: this.#traffic?.totals, elapsedMs });
  }

  /** The file as it is now, every bookstore that it names running. */
  async #read(): Promise<LoadResult> {
    const loaded = this.#options.read();
    if (loaded.ok) {
      try {
        return { ...loaded, config: await this.#place(loaded.config) };
      } catch (error) {
        // A bookstore that does not start: those that did are stopped again by nobody but us.
        this.#narrator.reloaded({ ok: false, why: errorText(error) });
        if (this.#daemon) await this.#fleet.retain(this.#known(this.#daemon.config));
        throw error;
      }
    }
    this.#refusal = diagnosticsText(loaded.diagnostics, loaded.frameText, { hasColour: false }).trimEnd();
    return loaded;
  }

  /** Whoever asked for a reload, a signal or the API: it is told, and bookstores that left are stopped. */
  #onReloads(daemon: Daemon): void {
    let before = daemon.config;
    const retain = (): void => {
      this.#retiring = this.#retiring.then(() => this.#fleet.retain(this.#known(daemon.config)));
    };
    daemon.events.on('reload', () => {
      const diff = diffConfig(before, daemon.config);
      before = daemon.config;
      this.#narrator.reloaded({ ok: true, diff, servers: this.#servers(daemon.config) });
      retain();
    });
    daemon.events.on('config_error', ({ errors }) => {
      this.#narrator.reloaded({ ok: false, why: this.#refusal ?? errors.join('\n') });
      this.#refusal = undefined;
      retain();
    });
  }

  /** The bookstores of a placed configuration. */
  #known(config: ResolvedConfig): { key: string; host: string; port: number }[] {
    const addresses = new Set(wantedServers(config).map(({ key }) => key));
    return this.#fleet.members
      .filter(({ address }) => addresses.has(address))
      .map(({ key, port }) => ({ key, host: '', port }));
  }

  protected async onStop(): Promise<void> {
    this.#ticker?.cancel();
    await this.#reloads;
    await this.#retiring;
    await this.#traffic?.stop();
    await this.#daemon?.stop();
    await this.#fleet.stop();
    if (this.#readyMs === undefined) return;
    this.#narrator.summary({
      traffic: this.#traffic?.totals,
      durationMs: this.#clock.nowMs() - this.#readyMs,
      wasCut: this.#daemon?.wasCut ?? false,
    });
  }

  // ---- what is told

  #facts(daemon: Daemon): DemoFacts {
    const { folder, loaded, pid } = this.#options;
    const { config, listeners } = daemon;
    const main = mainListener(config);
    const urlOf = (name: string | undefined): string => {
      const listener = listeners.find((it) => it.name === name);
      if (listener === undefined) return '';
      const host = listener.host === undefined ? 'localhost' : listener.host;
      return `${listener.tls === null ? 'http' : 'https'}://${formatHostPort({ host, port: listener.port })}`;
    };
    const plain = config.listeners.find((it) => it.tls === undefined && it !== main);
    const tokenFile = join(folder, 'admin.token');
    return {
      proxy: urlOf(main?.name),
      http: urlOf(plain?.name),
      admin: `http://${formatHostPort(daemon.adminAddress ?? config.admin.listen)}`,
      token: daemon.adminToken ?? config.admin.tokens[0]?.token.reveal() ?? '',
      tokenFile,
      caFile: main?.tls === undefined ? '' : authorityFileOf(join(folder, 'certs')),
      configFile: loaded.config.file,
      folder,
      pid,
      pool: config.pools[0]?.name ?? '',
      servers: this.#servers(config),
      moved: this.#moved(),
    };
  }

  #servers(config: ResolvedConfig): DemoServer[] {
    const pids = new Map(this.#fleet.members.map(({ address, pid }) => [address, pid]));
    return config.pools.flatMap((pool: PoolConfig) =>
      pool.servers.map((server) => {
        const address = formatHostPort(server);
        return { id: server.id, address, pid: pids.get(address) ?? 0 };
      }),
    );
  }

  #moved(): DemoFacts['moved'] {
    const servers = this.#fleet.members.filter(({ key, address }) => key !== address);
    return [
      ...this.#ports.moved,
      ...servers.map(({ key, port }) => ({
        what: `bookstore ${key}`,
        from: Number(key.slice(key.lastIndexOf(':') + 1)),
        to: port,
      })),
    ];
  }
}

/** Where people and traffic go. */
function mainListener(config: ResolvedConfig): ResolvedConfig['listeners'][number] | undefined {
  return config.listeners.find((it) => it.tls !== undefined) ?? config.listeners[0];
}

/** A log that has grown long makes room; the one before it is kept. */
function keepShort(file: string): void {
  if (existsSync(file) && statSync(file).size > MAX_LOG_BYTES) renameSync(file, `${file}.1`);
}
