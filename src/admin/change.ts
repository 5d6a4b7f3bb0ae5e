/** What every change of a server has in common: who did it, from what to what, what it broke, how long it lasts. */
import type { FastifyRequest } from 'fastify';
import type { LiveServer } from '../control/index.ts';
import type { Log } from '../observe/index.ts';
import { type AppDeps, clientOf } from './app.ts';
import type { AdminControl, AdminPool, AdminServer } from './control.ts';
import { ApiProblem } from './problem.ts';
import { entityTag, isAvailable, matchesTag, settingsOf } from './views.ts';

export const LASTS =
  'In force until the daemon restarts. It survives a reload, unless the file says something new about this server.';

/** The name under which a change is reported: who, through what. */
export function changedBy(request: FastifyRequest): string {
  return `api:${request.principal?.name ?? 'unknown'}`;
}

export function logChange(
  log: Log,
  request: FastifyRequest,
  what: string,
  fields: { pool: string; server: string; before: unknown; after: unknown },
): void {
  log.info(what, {
    by: changedBy(request),
    role: request.principal?.role,
    from: clientOf(request),
    ...fields,
  });
}

/** @throws ApiProblem when nothing can be changed now */
export function assertChangeable(control: AdminControl): void {
  if (control.life === 'draining') throw new ApiProblem('stopping', 'The daemon is shutting down.');
  assertInForce(control);
}

/** @throws ApiProblem as long as there are no pools yet */
export function assertInForce(control: AdminControl): void {
  if (control.generation === 0)
    throw new ApiProblem('starting', 'The configuration is not in force yet.', {
      fields: { 'retry-after': '1' },
    });
}

/** @throws SluiceError `no_pool` */
export function poolOf(control: AdminControl, name: string): AdminPool {
  const pool = control.pools.find((it) => it.name === name);
  if (pool) return pool;
  const names = control.pools.map((it) => it.name).join(', ');
  throw new ApiProblem('no_pool', `There is no pool "${name}".`, { hint: `There are: ${names || 'none'}.` });
}

/** @throws ApiProblem when somebody changed the server since the client looked at it */
function assertUnchanged(request: FastifyRequest, server: LiveServer): void {
  const ifMatch = request.headers['if-match'];
  const tag = entityTag(server);
  if (ifMatch !== undefined && !matchesTag(ifMatch, tag))
    throw new ApiProblem('precondition_failed', 'The server is not as If-Match says.', {
      fields: { etag: tag },
    });
}

/**
 * Makes a change when If-Match allows it; logs it, and tells when it took the pool's last available server away.
 * @param make the change; it must let `look` see the server just before, and answers with the server after it
 * @returns the warnings
 */
export async function changeServer(
  { control, log }: Pick<AppDeps, 'control' | 'log'>,
  request: FastifyRequest,
  { pool, id }: { readonly pool: string; readonly id: string },
  message: string,
  make: (look: (now: LiveServer) => void) => Promise<LiveServer | undefined>,
): Promise<{ readonly after: LiveServer | undefined; readonly warnings: string[] }> {
  assertChangeable(control);
  const availableBefore = countAvailable(control.servers(pool));
  let before: LiveServer = control.server(pool, id).live;
  const after = await make((now) => {
    assertUnchanged(request, now);
    before = now;
  });
  logChange(log, request, message, {
    pool,
    server: id,
    before: settingsOf(before),
    after: after === undefined ? null : settingsOf(after),
  });
  const isLast = availableBefore > 0 && countAvailable(control.servers(pool)) === 0;
  return {
    after,
    warnings: isLast
      ? [`Pool "${pool}" has no server left that takes new requests: its clients get 503.`]
      : [],
  };
}

function countAvailable(servers: readonly AdminServer[]): number {
  return servers.filter((server) => isAvailable(server.live)).length;
}
