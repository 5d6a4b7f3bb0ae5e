/** What a server's slot says, out of all that is said of the server: file, API, health check and agent. Pure. */
import type { AgentState } from './agent/index.ts';
import type { ServerDefinition } from './live-server.ts';

export interface ServerWords {
  readonly definition: Pick<ServerDefinition, 'weight' | 'maxConnections' | 'maintenance'>;
  /** By an operator. */
  readonly isDraining: boolean;
  /** As far as its health check goes; without one it does. */
  readonly isPassing: boolean;
  /** undefined = it has no agent, or that has said nothing. */
  readonly agent: AgentState | undefined;
}

export interface Effective {
  /** 0–1000. */
  readonly weight: number;
  /** 0 = no cap. */
  readonly maxConnections: number;
  readonly isHealthy: boolean;
  readonly isDraining: boolean;
  readonly isInMaintenance: boolean;
}

const MAX_WEIGHT = 1000;

export function effectiveOf({ definition, isDraining, isPassing, agent }: ServerWords): Effective {
  const { weight, maxConnections, maintenance } = definition;
  return {
    weight: agent === undefined ? weight : scaled(weight, agent.percent),
    maxConnections: agent === undefined ? maxConnections : lower(maxConnections, agent.maxConnections),
    isHealthy: isPassing && agent?.isUp !== false,
    isDraining: isDraining || agent?.mode === 'drain',
    isInMaintenance: maintenance || agent?.mode === 'maint',
  };
}

/** A small part of a small weight is not nothing. */
function scaled(weight: number, percent: number): number {
  if (weight === 0 || percent === 0) return 0;
  return Math.min(MAX_WEIGHT, Math.max(1, Math.round((weight * percent) / 100)));
}

/** Of two caps, 0 being none. An agent never gets more than the operator gave. */
function lower(a: number, b: number): number {
  return a === 0 || b === 0 ? Math.max(a, b) : Math.min(a, b);
}
