/** The demo for programs: one JSON object a line, the first `ready`, the last `summary`. */
import type { Output } from '../context.ts';
import { type FleetEvent, RESTART_MS } from './fleet.ts';
import type { Narrator, ReloadNews } from './narrator.ts';

type Fields = Readonly<Record<string, unknown>>;

export function jsonNarrator(stdout: Output): Narrator {
  let isReady = false;
  const say = (event: string, fields: Fields): void => {
    // What happens before belongs to the start, and `ready` tells how that ended.
    if (event === 'ready') isReady = true;
    if (isReady) stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
  };
  return {
    starting: () => {},
    ready: (facts) =>
      say('ready', {
        proxy: facts.proxy,
        http: facts.http,
        admin: facts.admin,
        token: facts.token,
        servers: facts.servers,
        pid: facts.pid,
        pool: facts.pool,
        ca: facts.caFile,
        config: facts.configFile,
        folder: facts.folder,
        moved: facts.moved,
      }),
    fleet: (event) => say(`server_${event.type}`, fleetFields(event)),
    serverState: (event) => say('server_state', event),
    reloaded: (news) => say('reload', reloadFields(news)),
    tick: ({ perSecond, servers, traffic, elapsedMs }) =>
      say('traffic', {
        elapsed_ms: Math.round(elapsedMs),
        per_second: perSecond,
        servers: servers.map(({ id, state, perSecond: own }) => ({ id, state, per_second: own })),
        ...(traffic === undefined ? {} : { ok: traffic.ok, failed: traffic.failed }),
      }),
    stopping: (signal) => say('stopping', { signal }),
    summary: ({ traffic, durationMs, wasCut }) =>
      say('summary', {
        requests: traffic?.requests ?? 0,
        ok: traffic?.ok ?? 0,
        failed: traffic?.failed ?? 0,
        limited: traffic?.limited ?? 0,
        repeated: traffic?.repeated ?? 0,
        by_server: traffic?.byServer ?? {},
        p50_ms: traffic?.p50Ms ?? 0,
        p99_ms: traffic?.p99Ms ?? 0,
        ...(traffic === undefined || traffic.lastFailure === '' ? {} : { last_failure: traffic.lastFailure }),
        duration_ms: Math.round(durationMs),
        cut: wasCut,
      }),
  };
}

function fleetFields(event: FleetEvent): Fields {
  const { address, pid } = event.member;
  switch (event.type) {
    case 'started':
      return { address, pid, again: event.isAgain };
    case 'died':
      return { address, how: event.how, restart_in_ms: RESTART_MS };
    case 'stopped':
      return { address };
    case 'failed':
      return { address, why: event.why, restart_in_ms: RESTART_MS };
    default:
      return event satisfies never;
  }
}

function reloadFields(news: ReloadNews): Fields {
  if (!news.ok) return { ok: false, why: news.why };
  const { same, servers, settings } = news.diff;
  return { ok: true, same, pools: Object.fromEntries(servers), settings, servers: news.servers };
}
