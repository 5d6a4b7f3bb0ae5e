/** Routes as the rest of Sluice gets to see them; see resolved.ts. */
import type { NamedValue } from '../kernel/named-value.ts';
import type { Priority } from '../kernel/priority.ts';
import type { Source } from './resolved.ts';
import type { AuthConfig, CorsConfig } from './resolved-access.ts';
import type { RouteRetryConfig } from './resolved-failing.ts';
import type { LimitsConfig, MeterConfig, RequestKey } from './resolved-limits.ts';

/** Prefixes of paths; '' = none. */
export interface RewriteConfig {
  readonly stripPrefix: string;
  readonly addPrefix: string;
}

/** What goes, and what comes instead or besides. Values may have placeholders (kernel/template.ts). */
export interface FieldsConfig {
  /** In lower case. */
  readonly remove: readonly string[];
  readonly set: readonly NamedValue[];
  readonly add: readonly NamedValue[];
}

/** A text that is answered, as it stands in the file or out of a file of its own. */
export interface PageConfig {
  readonly body: string;
  readonly contentType: string;
}

export interface ErrorPageConfig extends PageConfig {
  /** `404`, `4xx`, `5xx`. */
  readonly status: string;
  /** In the place of what servers answer, too. */
  readonly intercepts: boolean;
}

export interface MaintenanceConfig {
  readonly page: PageConfig | undefined;
  readonly retryAfterS: number;
  /** Addresses and blocks that pass. */
  readonly allow: readonly string[];
}

/** Compression of answers. */
export interface CompressConfig {
  /** In lower case; `text/*` = all of a kind, `*` = any. */
  readonly types: readonly string[];
  readonly minSizeBytes: number;
  /** In the order of preference. */
  readonly algorithms: readonly ('zstd' | 'br' | 'gzip')[];
  readonly skipsSetCookie: boolean;
}

/** `share` of the requests, 0 to 1; null = none. */
export interface FaultsConfig {
  readonly delay: { readonly timeMs: number; readonly share: number } | null;
  readonly abort: { readonly status: number; readonly share: number } | null;
}

/** Copies of requests. */
export interface MirrorConfig {
  readonly pool: string;
  /** Of the requests, 0 to 1. */
  readonly share: number;
}

export interface RouteConfig extends LimitsConfig {
  /** Unique; made up (the pool's name, or `route-3`) when the file has none. */
  readonly name: string;
  /** Names of the listeners that have this route; never a redirecting one. */
  readonly listeners: readonly string[];
  readonly match: {
    /** Lower case; `*.example.com` matches any name below example.com. Empty = any host. */
    readonly hosts: readonly string[];
    /** `/x` exactly, or `/x/*` for /x and all below it. Empty = any path. */
    readonly paths: readonly string[];
    /** Patterns of a path that begin with `^`; empty = any path. */
    readonly patterns: readonly string[];
    /** Addresses and blocks; empty = any client. */
    readonly clients: readonly string[];
    /** Empty = any method. */
    readonly methods: readonly string[];
    /** Names in lower case. `*` = any value, `abc*` = what begins with abc. */
    readonly headers: readonly NamedValue[];
    readonly queries: readonly NamedValue[];
  };
  readonly action: RouteAction;
  readonly rewrite: RewriteConfig | undefined;
  /** Before those of `ResolvedConfig.errorPages`. */
  readonly errorPages: readonly ErrorPageConfig[];
  /** undefined = it is open. */
  readonly maintenance: MaintenanceConfig | undefined;
  /** undefined = answers go as they are. */
  readonly compress: CompressConfig | undefined;
  /** Changes of fields; undefined = none. */
  readonly fields: {
    readonly request: FieldsConfig | undefined;
    readonly response: FieldsConfig | undefined;
  };
  /** Who may use it; undefined = everybody. */
  readonly auth: AuthConfig | undefined;
  /** Which pages of other origins may use it; undefined = nothing is said of that. */
  readonly cors: CorsConfig | undefined;
  /** undefined = bodies of any size, as fast as they go. */
  readonly meter: MeterConfig | undefined;
  readonly ipAllow: readonly string[];
  readonly ipDeny: readonly string[];
  /** Injected on purpose. */
  readonly faults: FaultsConfig | undefined;
  /** undefined = nothing is copied. */
  readonly mirror: MirrorConfig | undefined;
  /** What it wants otherwise than its pool. */
  readonly retry: RouteRetryConfig | undefined;
  /** The class that its requests wait in when all servers are full. */
  readonly priority: Priority;
  /** How much of a request's body, and of an answer, is taken in advance; 0 = nothing. */
  readonly buffering: { readonly requestBytes: number; readonly responseBytes: number };
  /** For the whole exchange, retries included; undefined = none. */
  readonly timeoutMs: number | undefined;
  readonly source: Source;
}

export const REDIRECT_STATUSES = [301, 302, 303, 307, 308] as const;
export type RedirectStatus = (typeof REDIRECT_STATUSES)[number];

export type RouteAction =
  | { readonly type: 'pool'; readonly pool: string }
  | {
      readonly type: 'split';
      /** Weights 0–1000, one at least above 0. */
      readonly shares: readonly { readonly pool: string; readonly weight: number }[];
      readonly key: RequestKey;
    }
  /**
   * `to` is a path or a URL, at whose end `*` may stand for the rest of the path, or `https`: the same one on the first listener
   * with TLS (there is one then).
   */
  | {
      readonly type: 'redirect';
      readonly to: string;
      readonly status: RedirectStatus;
      readonly keepsQuery: boolean;
    }
  | RespondAction;

export interface RespondAction {
  readonly type: 'respond';
  readonly status: number;
  /** Bytes of a file, empty where files are not read. */
  readonly body: string | Uint8Array;
  readonly contentType: string;
  /** Where the body comes from, as an absolute path; absent = out of the configuration. */
  readonly file?: string;
}
