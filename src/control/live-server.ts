/** Pools and servers as the main thread knows them: what is said of them, and how they are. */
import type { SlotRef } from '../kernel/slot-allocator.ts';
import type { AgentState } from './agent/index.ts';

/** A server as the file or the API defines it. */
export interface ServerDefinition {
  /** Unique in the pool. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** The name that DNS gave this address for; absent = it stands in the file or came by the API. */
  readonly foundAs?: string;
  /** Where it stands; absent = nobody says. */
  readonly zone?: string | undefined;
  /** 0–1000. */
  readonly weight: number;
  readonly backup: boolean;
  /** Requests in flight; 0 = no cap. */
  readonly maxConnections: number;
  readonly maintenance: boolean;
}

export interface PoolDefinition {
  readonly name: string;
  /** Whether its servers are checked; unchecked ones are taken for healthy. */
  readonly isChecked: boolean;
  /** How long a server that came or recovered takes to get its whole share; 0 = at once. */
  readonly slowStartMs: number;
  readonly servers: readonly ServerDefinition[];
}

/** What may be changed of a server while running; absent = as it is. */
export interface ServerPatch {
  readonly weight?: number | undefined;
  readonly maxConnections?: number | undefined;
  readonly maintenance?: boolean | undefined;
  readonly draining?: boolean | undefined;
}

/** `ejected`: its checks are fine, what requests showed is not. */
export type ServerState = 'healthy' | 'unhealthy' | 'ejected' | 'unknown' | 'draining' | 'maintenance';

/** Where the live numbers of a server are. */
export interface ServerRef {
  readonly id: string;
  readonly slot: SlotRef;
}

/** One server as it is now. */
export interface LiveServer {
  readonly pool: string;
  readonly definition: ServerDefinition;
  readonly origin: 'file' | 'api' | 'dns';
  readonly address: string;
  readonly isDraining: boolean;
  readonly state: ServerState;
  readonly slot: SlotRef;
  /** What its agent said last; undefined = it has none, or that has said nothing. */
  readonly agent: AgentState | undefined;
  /** Why it is unhealthy, or ''. */
  readonly healthWhy: string;
  /** Why it was ejected, or ''. */
  readonly ejectedWhy: string;
  /** Response time of the last check, -1 before the first. */
  readonly healthMs: number;
}

/** Whether two definitions say the same of a server, but for its id. */
export function isSameServer(a: ServerDefinition, b: ServerDefinition): boolean {
  return (
    a.host === b.host &&
    a.port === b.port &&
    a.foundAs === b.foundAs &&
    a.zone === b.zone &&
    a.weight === b.weight &&
    a.backup === b.backup &&
    a.maxConnections === b.maxConnections &&
    a.maintenance === b.maintenance
  );
}
