/** Servers of a pool: list, add, look at, change, remove. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServerDefinition, ServerPatch } from '../../control/index.ts';
import { formatHostPort, isUnix } from '../../kernel/address.ts';
import type { AdminApp, AppDeps } from '../app.ts';
import {
  assertChangeable,
  assertInForce,
  changedBy,
  changeServer,
  LASTS,
  logChange,
  poolOf,
} from '../change.ts';
import type { AdminControl } from '../control.ts';
import { ApiProblem } from '../problem.ts';
import {
  type ChangedServer,
  changedServer,
  type NewServer,
  newServer,
  poolParams,
  problemResponses,
  removedServer,
  roleText,
  type ServerChange,
  type ServerView,
  serverChange,
  serverList,
  serverParams,
  serverView,
} from '../schemas.ts';
import { parseServerAddress } from '../server-address.ts';
import { entityTag, settingsOf, viewServer } from '../views.ts';

export function serverRoutes(app: AdminApp, deps: AppDeps): void {
  readRoutes(app, deps);
  addRoute(app, deps);
  changeRoute(app, deps);
  removeRoute(app, deps);
}

/** One server as the API shows it. @throws SluiceError `no_pool`, `no_server` */
export function viewOf(control: AdminControl, pool: string, id: string): ServerView {
  return viewServer(control.server(pool, id), poolOf(control, pool));
}

export function serverPath(pool: string, id: string): string {
  return `/api/v1/pools/${encodeURIComponent(pool)}/servers/${encodeURIComponent(id)}`;
}

function readRoutes(app: AdminApp, { control }: AppDeps): void {
  app.get(
    '/api/v1/pools/:pool/servers',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'The servers of a pool',
        description: roleText.viewer,
        tags: ['servers'],
        params: poolParams,
        response: { 200: serverList, ...problemResponses },
      },
    },
    async (request) => {
      assertInForce(control);
      const pool = poolOf(control, request.params.pool);
      return { servers: control.servers(pool.name).map((server) => viewServer(server, pool)) };
    },
  );
  app.get(
    '/api/v1/pools/:pool/servers/:id',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'One server',
        description: `Its ETag can be sent back as If-Match with a change. ${roleText.viewer}`,
        tags: ['servers'],
        params: serverParams,
        response: { 200: serverView, ...problemResponses },
      },
    },
    async (request, reply) => {
      assertInForce(control);
      const { pool, id } = request.params;
      const view = viewOf(control, pool, id);
      reply.header('etag', entityTag(control.server(pool, id).live));
      return view;
    },
  );
}

function addRoute(app: AdminApp, { control, log }: AppDeps): void {
  app.post(
    '/api/v1/pools/:pool/servers',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Add a server',
        description: `It takes requests as soon as its first health check is good. ${roleText.operator}`,
        tags: ['servers'],
        params: poolParams,
        body: newServer,
        response: { 201: changedServer, ...problemResponses },
      },
    },
    async (request, reply) => {
      assertChangeable(control);
      const pool = poolOf(control, request.params.pool).name;
      const definition = definitionOf(request.body);
      assertMayReach(request, definition);
      const live = await control.addServer(pool, definition);
      logChange(log, request, 'server added', {
        pool,
        server: definition.id,
        before: null,
        after: settingsOf(live),
      });
      return reply
        .code(201)
        .header('location', serverPath(pool, definition.id))
        .header('etag', entityTag(live))
        .send({ server: viewOf(control, pool, definition.id), persisted: false, note: LASTS, warnings: [] });
    },
  );
}

function changeRoute(app: AdminApp, deps: AppDeps): void {
  app.patch(
    '/api/v1/pools/:pool/servers/:id',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Change weight, cap or maintenance',
        description: `At once, for requests that come from now on. ${roleText.operator}`,
        tags: ['servers'],
        params: serverParams,
        body: serverChange,
        response: { 200: changedServer, ...problemResponses },
      },
    },
    async (request, reply) => {
      return patchServer(deps, request, reply, request.params, patchOf(request.body), 'server changed');
    },
  );
}

function removeRoute(app: AdminApp, deps: AppDeps): void {
  app.delete(
    '/api/v1/pools/:pool/servers/:id',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Remove a server',
        description: `It gets no more requests and finishes what it has. ${roleText.operator}`,
        tags: ['servers'],
        params: serverParams,
        response: { 200: removedServer, ...problemResponses },
      },
    },
    async (request) => {
      const { pool, id } = request.params;
      const { warnings } = await changeServer(deps, request, { pool, id }, 'server removed', async (look) => {
        await deps.control.removeServer(pool, id, look);
        return undefined;
      });
      return { removed: id, persisted: false as const, note: LASTS, warnings };
    },
  );
}

/** Changes a server and answers with what it is now. */
export async function patchServer(
  deps: AppDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { pool, id }: { readonly pool: string; readonly id: string },
  patch: ServerPatch,
  message: string,
): Promise<ChangedServer> {
  const { control } = deps;
  const { after, warnings } = await changeServer(deps, request, { pool, id }, message, (look) =>
    control.changeServer(pool, id, patch, changedBy(request), look),
  );
  if (after) reply.header('etag', entityTag(after));
  return { server: viewOf(control, pool, id), persisted: false, note: LASTS, warnings };
}

function definitionOf(body: NewServer): ServerDefinition {
  const address = parseServerAddress(body.address);
  // The schema has checked it with the same function.
  if ('error' in address) throw new ApiProblem('invalid', address.error);
  return {
    id: body.id ?? formatHostPort(address),
    host: address.host,
    port: address.port,
    zone: body.zone ?? undefined,
    weight: body.weight,
    backup: body.backup,
    maxConnections: body.max_connections ?? 0,
    maintenance: body.maintenance,
  };
}

/** Behind a path of this machine may be its container engine or its init: not for those who only run servers. */
function assertMayReach(request: FastifyRequest, { host }: ServerDefinition): void {
  const role = request.principal?.role;
  if (!isUnix(host) || role === 'admin') return;
  throw new ApiProblem(
    'forbidden_role',
    `A server at a Unix socket is added by an admin; this token is ${role}.`,
    {
      hint: 'Use a token with the role admin, or write the server into the file.',
    },
  );
}

function patchOf(body: ServerChange): ServerPatch {
  return {
    weight: body.weight,
    maxConnections: body.max_connections === undefined ? undefined : (body.max_connections ?? 0),
    maintenance: body.maintenance,
  };
}
