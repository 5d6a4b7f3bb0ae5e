/** What is done to a server, as opposed to what it is: drain, undrain, maintenance, check. */
import { type AdminApp, type AppDeps, clientOf } from '../app.ts';
import { assertChangeable, changedBy } from '../change.ts';
import {
  changedServer,
  checkReport,
  maintenanceSwitch,
  noArguments,
  problemResponses,
  roleText,
  serverParams,
} from '../schemas.ts';
import { patchServer } from './servers.ts';

const DRAIN_ACTIONS = [
  {
    name: 'drain',
    summary: 'Take it out gently',
    description:
      'No new requests, except from sticky clients that belong to it; what it has, it finishes (`in_flight` tells).',
    patch: { draining: true },
    message: 'server draining',
  },
  {
    name: 'undrain',
    summary: 'Let it take requests again',
    description: 'Ends a drain.',
    patch: { draining: false },
    message: 'server no longer draining',
  },
] as const;

export function actionRoutes(app: AdminApp, deps: AppDeps): void {
  for (const action of DRAIN_ACTIONS) {
    app.post(
      `/api/v1/pools/:pool/servers/:id/actions/${action.name}`,
      {
        config: { access: 'operator' },
        schema: {
          summary: action.summary,
          description: `${action.description} ${roleText.operator}`,
          tags: ['servers'],
          params: serverParams,
          body: noArguments,
          response: { 200: changedServer, ...problemResponses },
        },
      },
      (request, reply) => patchServer(deps, request, reply, request.params, action.patch, action.message),
    );
  }
  app.post(
    '/api/v1/pools/:pool/servers/:id/actions/maintenance',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Put it in maintenance, or take it out',
        description: `In maintenance it takes no requests at all, sticky ones included. ${roleText.operator}`,
        tags: ['servers'],
        params: serverParams,
        body: maintenanceSwitch,
        response: { 200: changedServer, ...problemResponses },
      },
    },
    (request, reply) =>
      patchServer(
        deps,
        request,
        reply,
        request.params,
        { maintenance: request.body.enabled },
        request.body.enabled ? 'server in maintenance' : 'server out of maintenance',
      ),
  );
  checkRoute(app, deps);
}

function checkRoute(app: AdminApp, { control, log }: AppDeps): void {
  app.post(
    '/api/v1/pools/:pool/servers/:id/actions/check',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Check it now',
        description: `Waits for the answer; counts like any other check. ${roleText.operator}`,
        tags: ['servers'],
        params: serverParams,
        body: noArguments,
        response: { 200: checkReport, ...problemResponses },
      },
    },
    async (request, reply) => {
      assertChangeable(control);
      const { pool, id } = request.params;
      // An unknown name is told from a pool without checks.
      control.server(pool, id);
      const report = await control.checkServer(pool, id);
      log.info('server checked', { by: changedBy(request), from: clientOf(request), pool, server: id });
      return reply.send({
        server: id,
        healthy: report.healthy,
        changed: report.changed,
        why: report.why,
        response_ms: Math.round(report.responseMs * 100) / 100,
      });
    },
  );
}
