/** What the registry keeps of a server, and what it looks like from outside. The registry alone writes it. */
import { formatHostPort } from '../kernel/address.ts';
import type { SlotRef } from '../kernel/slot-allocator.ts';
import { STATE } from '../kernel/slots.ts';
import type { AgentState } from './agent/index.ts';
import {
  isSameServer,
  type LiveServer,
  type ServerDefinition,
  type ServerRef,
  type ServerState,
} from './live-server.ts';

export interface Entry {
  definition: ServerDefinition;
  /** What the file said last; undefined = added by the API. */
  fileDefinition: ServerDefinition | undefined;
  /** What the file said last, or the API when it added it: what is new is new beside that. */
  baseline: ServerDefinition;
  isDraining: boolean;
  slot: SlotRef;
  isChecked: boolean;
  /** As far as its health check goes. */
  isPassing: boolean;
  /** What its agent says; undefined = nothing. */
  agent: AgentState | undefined;
  /** It came while its pool was running: it warms up. */
  isLate: boolean;
  healthWhy: string;
  healthMs: number;
  ejectedWhy: string;
}

export interface PoolEntry {
  readonly name: string;
  isChecked: boolean;
  readonly slowStartMs: number;
  readonly servers: Map<string, Entry>;
  refs: readonly ServerRef[];
  /** Servers of the file that were removed while running, as the file had them. */
  readonly removed: Map<string, ServerDefinition>;
}

type FileDefinition = ServerDefinition | undefined;

export function newEntry(
  definition: ServerDefinition,
  fileDefinition: FileDefinition,
  slot: SlotRef,
  isPoolChecked: boolean,
): Entry {
  return {
    definition,
    fileDefinition,
    baseline: fileDefinition ?? definition,
    isDraining: false,
    slot,
    isChecked: false,
    isPassing: !isPoolChecked,
    agent: undefined,
    isLate: false,
    healthWhy: '',
    healthMs: -1,
    ejectedWhy: '',
  };
}

/** Of a server that keeps its slot. What the file says newly of it ends a drain. */
export function keptEntry(
  before: Entry,
  definition: ServerDefinition,
  fileDefinition: FileDefinition,
  isPoolChecked: boolean,
): Entry {
  const fileChanged = fileDefinition !== undefined && !isSameServer(before.baseline, fileDefinition);
  return {
    ...before,
    definition,
    fileDefinition,
    baseline: fileDefinition ?? before.baseline,
    isDraining: !fileChanged && before.isDraining,
    isPassing: !isPoolChecked || before.isPassing,
  };
}

/** @param bits of its slot */
export function stateOf(entry: Entry, bits: number): ServerState {
  if (bits & STATE.maintenance) return 'maintenance';
  if (bits & STATE.draining) return 'draining';
  if (bits & STATE.healthy) return bits & STATE.ejected ? 'ejected' : 'healthy';
  return entry.isChecked || entry.agent?.isUp === false ? 'unhealthy' : 'unknown';
}

export function viewOf(pool: string, entry: Entry, state: ServerState): LiveServer {
  const { definition, slot, agent, healthWhy, healthMs, ejectedWhy, isDraining } = entry;
  const isFromFile = entry.fileDefinition !== undefined;
  return {
    pool,
    definition,
    origin: isFromFile ? (definition.foundAs === undefined ? 'file' : 'dns') : 'api',
    address: formatHostPort(definition),
    isDraining,
    state,
    slot,
    agent,
    healthWhy: entry.isPassing && agent?.isUp === false ? agent.why : healthWhy,
    healthMs,
    ejectedWhy,
  };
}
