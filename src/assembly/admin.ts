/** What the admin API gets to see of the daemon, and its settings out of the configuration. */
import { readFileSync } from 'node:fs';
import {
  type AdminAccess,
  type AdminControl,
  type AdminDiscovery,
  type AdminReload,
  AdminServer,
  type AdminServerState,
  type Life,
  type ReloadOutcome,
} from '../admin/index.ts';
import { type BreakerMode, viewBreaker } from '../admit/index.ts';
import type { AdminConfig, ConfigDiff, Diagnostic, ResolvedConfig } from '../config/index.ts';
import type {
  Discovery,
  DiscoveryView,
  HealthReport,
  LiveServer,
  Registry,
  ServerDefinition,
  ServerPatch,
} from '../control/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { SlotTable } from '../kernel/slots.ts';
import type { Log } from '../observe/index.ts';
import type { Metrics } from '../observe/main/index.ts';
import { needsRestart } from './reload-report.ts';
import type { ListenerSnapshot, PoolSnapshot } from './snapshot.ts';

/** What reading the file again came to. */
export type FileReload =
  | {
      readonly ok: true;
      readonly generation: number;
      readonly diff: ConfigDiff;
      readonly warnings: readonly Diagnostic[];
    }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** The daemon as its admin API needs it. */
export interface AdminSource {
  readonly config: ResolvedConfig;
  readonly generation: number;
  readonly listeners: readonly ListenerSnapshot[];
  readonly pools: readonly PoolSnapshot[];
  readonly isReady: boolean;
  readonly isDraining: boolean;
  readonly threadCount: number;
  readonly registry: Registry;
  readonly discovery: Discovery;
  readonly slots: SlotTable;
  readonly metrics: Metrics;
  addServer(pool: string, definition: ServerDefinition): Promise<LiveServer>;
  removeServer(pool: string, id: string, look: (now: LiveServer) => void): Promise<void>;
  changeServer(
    pool: string,
    id: string,
    patch: ServerPatch,
    by: string,
    look: (now: LiveServer) => void,
  ): Promise<LiveServer>;
  checkServer(pool: string, id: string): Promise<HealthReport>;
  reloadFile(): Promise<FileReload>;
}

export function openAdmin(source: AdminSource, clock: Clock, log: Log): AdminServer {
  const { config } = source;
  return new AdminServer(
    {
      ...adminAccess(config.admin),
      listen: config.admin.listen,
      tokenFolder: config.store.path,
      version: packageVersion(),
    },
    { clock, log, control: adminControl(source) },
  );
}

/** Who may use the API, as the file says. */
export function adminAccess(config: AdminConfig): AdminAccess {
  return {
    tokens: config.tokens.map(({ name, role, token }) => ({ name, role, token: token.reveal() })),
    hosts: config.hosts,
  };
}

function adminControl(source: AdminSource): AdminControl {
  const { registry, slots, metrics } = source;
  const stateOf = (live: LiveServer): AdminServerState => ({
    live,
    inFlight: slots.inFlight(live.slot.slot),
    averageMs: slots.counters.averageMs(live.slot.slot),
    totals: slots.counters.totals(live.slot.slot),
  });
  const breakerOf = (pool: string): BreakerMode | undefined => {
    const slot = source.pools.find((it) => it.name === pool)?.admission?.breaker?.slot;
    return slot === undefined ? undefined : viewBreaker(slots, slot).mode;
  };
  return {
    get life(): Life {
      if (source.isDraining) return 'draining';
      return source.isReady ? 'ready' : 'starting';
    },
    get generation() {
      return source.generation;
    },
    get threads() {
      return source.threadCount;
    },
    get configFile() {
      return source.config.file;
    },
    get listeners() {
      return source.listeners.map((it) => ({
        name: it.name,
        host: it.host,
        port: it.port,
        tls: it.tls !== null,
        redirectPort: it.redirectPort,
      }));
    },
    get pools() {
      return source.config.pools.map((it) => ({
        name: it.name,
        algorithm: it.algorithm,
        isChecked: it.health !== undefined,
        breaker: breakerOf(it.name),
        discovery: source.discovery
          .views()
          .filter((view) => view.source.pool === it.name)
          .map(adminDiscovery),
      }));
    },
    servers: (pool) => registry.servers(pool).map(stateOf),
    server: (pool, id) => stateOf(registry.server(pool, id)),
    addServer: (pool, definition) => source.addServer(pool, definition),
    removeServer: (pool, id, look) => source.removeServer(pool, id, look),
    changeServer: (pool, id, patch, by, look) => source.changeServer(pool, id, patch, by, look),
    checkServer: (pool, id) => source.checkServer(pool, id),
    reload: async () => outcomeOf(await source.reloadFile()),
    metrics,
  };
}

function adminDiscovery({ source, state }: DiscoveryView): AdminDiscovery {
  const { outcome = 'unknown', why, servers } = state;
  const isSrv = source.kind === 'srv';
  const name = isSrv ? source.name : `${source.name}:${source.port}`;
  return { kind: isSrv ? 'srv' : 'dns', name, outcome, why, servers: servers.length };
}

function outcomeOf(reload: FileReload): ReloadOutcome {
  if (!reload.ok) return { ok: false, diagnostics: reload.diagnostics };
  const { diff, generation, warnings } = reload;
  const { listeners, routes, pools, certificates, same, settings } = diff;
  const report: AdminReload = {
    generation,
    same,
    listeners,
    routes,
    pools,
    certificates,
    servers: Object.fromEntries(diff.servers),
    settings,
    needsRestart: settings.filter(needsRestart),
    warnings,
  };
  return { ok: true, reload: report };
}

/** Of the package that this file is part of, in a checkout as well as installed (`dist/`). */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : '?';
}
