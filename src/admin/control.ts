/**
 * What the admin API needs of the daemon, and no more. The composition root (assembly/admin.ts) gives it, so that
 * this folder knows neither the configuration nor the data threads.
 */
import type { HealthReport, LiveServer, ServerDefinition, ServerPatch } from '../control/index.ts';

export const ROLES = ['viewer', 'operator', 'admin'] as const;
/** `viewer` reads, `operator` changes servers, `admin` may do everything. */
export type Role = (typeof ROLES)[number];

export type Life = 'starting' | 'ready' | 'draining';

export interface AdminListener {
  readonly name: string;
  /** undefined = all addresses. */
  readonly host: string | undefined;
  readonly port: number;
  readonly tls: boolean;
  /** Set: every request is redirected to https on this port. */
  readonly redirectPort: number | null;
}

/** A pool's settings out of the file. */
export interface AdminPool {
  readonly name: string;
  readonly algorithm: string;
  /** Whether its servers are checked; unchecked ones are taken for healthy. */
  readonly isChecked: boolean;
  /** State of its circuit breaker; undefined = it has none. */
  readonly breaker: 'closed' | 'open' | 'half_open' | undefined;
  readonly discovery: readonly AdminDiscovery[];
}

/** A name in DNS that stands for servers of a pool. */
export interface AdminDiscovery {
  readonly kind: 'dns' | 'srv';
  readonly name: string;
  /** How the last look-up ended; `unknown` before the first. */
  readonly outcome: 'found' | 'empty' | 'failed' | 'unknown';
  readonly why: string;
  /** How many it stands for. */
  readonly servers: number;
}

/** One server with what its slot counts. */
export interface AdminServer {
  readonly live: LiveServer;
  /** Requests in flight now. */
  readonly inFlight: number;
  /** Moving average of the response time; 0 = no answer yet. */
  readonly averageMs: number;
  readonly totals: {
    readonly picks: number;
    /** Answers by class: [1xx, 2xx, 3xx, 4xx, 5xx]. */
    readonly answers: readonly number[];
    readonly connectErrors: number;
    readonly resets: number;
    readonly timeouts: number;
    readonly badAnswers: number;
  };
}

export interface AdminNounDiff {
  readonly kept: readonly string[];
  readonly added: readonly string[];
  readonly changed: readonly { readonly name: string; readonly what: readonly string[] }[];
  readonly removed: readonly string[];
}

export interface AdminDiagnostic {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

export interface AdminReload {
  readonly generation: number;
  /** True when the file says what was in force before. */
  readonly same: boolean;
  readonly listeners: AdminNounDiff;
  readonly routes: AdminNounDiff;
  readonly pools: AdminNounDiff;
  readonly certificates: AdminNounDiff;
  /** By pool. */
  readonly servers: Readonly<Record<string, AdminNounDiff>>;
  /** Other settings that differ: `logs.level` … */
  readonly settings: readonly string[];
  /** Those of `settings` that only a restart puts in force. */
  readonly needsRestart: readonly string[];
  readonly warnings: readonly AdminDiagnostic[];
}

export type ReloadOutcome =
  | { readonly ok: true; readonly reload: AdminReload }
  | { readonly ok: false; readonly diagnostics: readonly AdminDiagnostic[] };

export interface AdminControl {
  readonly life: Life;
  /** 0 until the first configuration is in force. */
  readonly generation: number;
  readonly threads: number;
  readonly configFile: string;
  readonly listeners: readonly AdminListener[];
  readonly pools: readonly AdminPool[];

  /** @throws SluiceError `no_pool` */
  servers(pool: string): readonly AdminServer[];
  /** @throws SluiceError `no_pool`, `no_server` */
  server(pool: string, id: string): AdminServer;
  /** @throws SluiceError `no_pool`, `server_exists` */
  addServer(pool: string, definition: ServerDefinition): Promise<LiveServer>;
  /** `look` sees the server just before, when it is its turn, and may refuse by throwing. @throws SluiceError `no_pool`, `no_server` */
  removeServer(pool: string, id: string, look: (now: LiveServer) => void): Promise<void>;
  /** `look` as in `removeServer`. @throws SluiceError `no_pool`, `no_server` */
  changeServer(
    pool: string,
    id: string,
    patch: ServerPatch,
    by: string,
    look: (now: LiveServer) => void,
  ): Promise<LiveServer>;
  /** @throws SluiceError `no_check` */
  checkServer(pool: string, id: string): Promise<HealthReport>;
  /** Reads the configuration file again. @throws SluiceError when it cannot be put in force */
  reload(): Promise<ReloadOutcome>;
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
}
