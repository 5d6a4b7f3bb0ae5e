/** The daemon's objects in the API's words. */
import { createHash } from 'node:crypto';
import type { LiveServer } from '../control/index.ts';
import { formatHostPort } from '../kernel/address.ts';
import type { AdminDiagnostic, AdminNounDiff, AdminPool, AdminReload, AdminServer } from './control.ts';
import type { DiagnosticView, PoolView, ReloadView, ServerView } from './schemas.ts';

export function viewServer(server: AdminServer, pool: AdminPool): ServerView {
  const { live, totals } = server;
  const { definition } = live;
  const answers = (index: number): number => totals.answers[index] ?? 0;
  return {
    id: definition.id,
    pool: live.pool,
    address: formatHostPort(definition),
    state: live.state,
    origin: live.origin,
    weight: definition.weight,
    zone: definition.zone ?? null,
    backup: definition.backup,
    max_connections: definition.maxConnections === 0 ? null : definition.maxConnections,
    maintenance: definition.maintenance,
    draining: live.isDraining,
    in_flight: Math.max(0, server.inFlight),
    requests_total: totals.picks,
    answers: {
      '1xx': answers(0),
      '2xx': answers(1),
      '3xx': answers(2),
      '4xx': answers(3),
      '5xx': answers(4),
    },
    errors: {
      connect: totals.connectErrors,
      reset: totals.resets,
      timeout: totals.timeouts,
      bad_answer: totals.badAnswers,
    },
    average_ms: server.averageMs === 0 ? null : round(server.averageMs),
    health: {
      checked: pool.isChecked,
      why: live.state === 'ejected' ? live.ejectedWhy : live.healthWhy,
      response_ms: live.healthMs < 0 ? null : round(live.healthMs),
    },
    agent:
      live.agent === undefined
        ? null
        : {
            up: live.agent.isUp,
            mode: live.agent.mode,
            weight_percent: live.agent.percent,
            max_connections: live.agent.maxConnections === 0 ? null : live.agent.maxConnections,
            said: live.agent.why,
          },
  };
}

export function viewPool(pool: AdminPool, servers: readonly AdminServer[]): PoolView {
  const views = servers.map((server) => viewServer(server, pool));
  return {
    name: pool.name,
    algorithm: pool.algorithm,
    checked: pool.isChecked,
    breaker: pool.breaker ?? null,
    available: servers.filter((server) => isAvailable(server.live)).length,
    in_flight: views.reduce((sum, view) => sum + view.in_flight, 0),
    requests_total: views.reduce((sum, view) => sum + view.requests_total, 0),
    discovery: pool.discovery.map((it) => ({ ...it })),
    servers: views,
  };
}

/** Whether a server takes new requests. */
export function isAvailable(server: LiveServer): boolean {
  return server.state === 'healthy' && server.definition.weight > 0 && server.agent?.percent !== 0;
}

/** What may be changed of a server: for the log, before and after, and for its entity tag. */
export function settingsOf(server: LiveServer): Readonly<Record<string, unknown>> {
  const { definition } = server;
  return {
    address: formatHostPort(definition),
    weight: definition.weight,
    zone: definition.zone ?? null,
    backup: definition.backup,
    max_connections: definition.maxConnections === 0 ? null : definition.maxConnections,
    maintenance: definition.maintenance,
    draining: server.isDraining,
  };
}

/** Changes when somebody changes the server, not with its health or its numbers. */
export function entityTag(server: LiveServer): string {
  const text = JSON.stringify(settingsOf(server));
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 16)}"`;
}

/** If-Match by strong comparison (RFC 9110 §13.1.1). */
export function matchesTag(ifMatch: string, tag: string): boolean {
  return ifMatch.split(',').some((one) => one.trim() === '*' || one.trim() === tag);
}

export function viewReload(reload: AdminReload): ReloadView {
  const servers = Object.entries(reload.servers);
  return {
    generation: reload.generation,
    same: reload.same,
    listeners: viewDiff(reload.listeners),
    routes: viewDiff(reload.routes),
    pools: viewDiff(reload.pools),
    certificates: viewDiff(reload.certificates),
    servers: Object.fromEntries(servers.map(([pool, diff]) => [pool, viewDiff(diff)])),
    settings: [...reload.settings],
    needs_restart: [...reload.needsRestart],
    warnings: reload.warnings.map(viewDiagnostic),
  };
}

function viewDiff(diff: AdminNounDiff): ReloadView['pools'] {
  return {
    kept: [...diff.kept],
    added: [...diff.added],
    changed: diff.changed.map(({ name, what }) => ({ name, what: [...what] })),
    removed: [...diff.removed],
  };
}

export function viewDiagnostic(it: AdminDiagnostic): DiagnosticView {
  return {
    severity: it.severity,
    file: it.file,
    line: it.line,
    column: it.column,
    path: it.path,
    message: it.message,
    ...(it.hint === undefined ? {} : { hint: it.hint }),
  };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
