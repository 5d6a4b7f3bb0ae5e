/** The daemon itself, as the rest of Sluice gets to see it: its end, its API, its folder, its logs. Part of resolved.ts. */
import type { HostPort } from '../kernel/address.ts';
import type { Source } from './resolved.ts';
import type { Secret } from './secret.ts';

export interface ShutdownConfig {
  readonly drainTimeoutMs: number;
  readonly preStopDelayMs: number;
}

export const ADMIN_ROLES = ['viewer', 'operator', 'admin'] as const;
export type AdminRole = (typeof ADMIN_ROLES)[number];

export interface AdminConfig {
  /** `host` is an IP address or a name; port 0 = any free port. */
  readonly listen: HostPort;
  /** Further names under which the API may be called: lower case, IPv6 without brackets. */
  readonly hosts: readonly string[];
  /** Empty: a token is made in `<store.path>/admin.token`. */
  readonly tokens: readonly AdminTokenConfig[];
  readonly source: Source;
}

export interface AdminTokenConfig {
  readonly name: string;
  readonly role: AdminRole;
  readonly token: Secret;
  readonly source: Source;
}

export interface StoreConfig {
  /** Absolute path of the folder for admin.token, secrets and, later, the database. */
  readonly path: string;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['auto', 'pretty', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LogsConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Absolute path; undefined = stdout. */
  readonly file: string | undefined;
  readonly access: {
    readonly enabled: boolean;
    /** Absolute path; undefined = where the log goes. */
    readonly file: string | undefined;
    /** Fraction of the exchanges that get a line, 0–1. */
    readonly sampleFraction: number;
  };
}
