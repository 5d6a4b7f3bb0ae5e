/** What main and a data thread say to each other. Data only; nothing on a request's way waits for any of it. */
import type { LogLevel, LogRecord } from '../observe/index.ts';
import type { SecretBytes } from '../tls/index.ts';
import type { Snapshot } from './snapshot.ts';

/** Given to a thread at its start. */
export interface ThreadStart {
  /** Its row in the shared tables. */
  readonly thread: number;
  readonly slots: SharedArrayBuffer;
  readonly limiter: SharedArrayBuffer;
  readonly places: SharedArrayBuffer;
  readonly cells: { readonly buffer: SharedArrayBuffer; readonly threads: number; readonly cells: number };
  readonly threadCells: number;
  /** Takes the lines of the access log. */
  readonly accessRing: SharedArrayBuffer;
  readonly secrets: SecretBytes;
  readonly logLevel: LogLevel;
}

export interface AccessLogSettings {
  readonly isEnabled: boolean;
  /** 0–1. */
  readonly sampleFraction: number;
}

export type ToThread =
  /** Compile and bind, but change nothing yet. */
  | { readonly type: 'prepare'; readonly snapshot: Snapshot; readonly accessLog: AccessLogSettings }
  /** Use what was prepared. */
  | { readonly type: 'commit'; readonly generation: number; readonly drainTimeoutMs: number }
  /** Forget what was prepared. */
  | { readonly type: 'abort'; readonly generation: number }
  /** A server turned unhealthy: attempts that wait for its answer go elsewhere. */
  | { readonly type: 'server_down'; readonly pool: string; readonly server: string; readonly why: string }
  | { readonly type: 'secrets'; readonly secrets: SecretBytes }
  /** Accept no more, finish what runs within this time, say `drained`, exit. */
  | { readonly type: 'drain'; readonly timeoutMs: number };

export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'prepared'; readonly generation: number; readonly error: string | null }
  | { readonly type: 'committed'; readonly generation: number }
  /** The ring of the access log is half full: come and empty it. */
  | { readonly type: 'access' }
  | { readonly type: 'log'; readonly record: LogRecord }
  /** `wasCut`: the time ran out and connections were ended. */
  | { readonly type: 'drained'; readonly wasCut: boolean };
