/**
 * What machines ask: `/healthz` (the process lives) and `/readyz` (it takes traffic) are open, for the orchestrator has
 * no token; they tell nothing but that. `/metrics` names pools, servers and addresses, so it needs a viewer's
 * token (Prometheus: `authorization: { credentials_file: … }`).
 */
import type { AdminApp, AppDeps } from '../app.ts';
import { life, metricsText, problemResponses } from '../schemas.ts';

export function probeRoutes(app: AdminApp, deps: AppDeps): void {
  const { control } = deps;
  app.get(
    '/healthz',
    {
      config: { access: 'open' },
      schema: { summary: 'The process lives', tags: ['probes'], security: [], response: { 200: life } },
    },
    async () => ({ status: 'ok' as const }),
  );
  app.get(
    '/readyz',
    {
      config: { access: 'open' },
      schema: {
        summary: 'It takes traffic: 200; starting or draining: 503',
        tags: ['probes'],
        security: [],
        response: { 200: life, 503: life },
      },
    },
    async (_request, reply) => {
      reply.code(control.life === 'ready' ? 200 : 503);
      return { status: control.life };
    },
  );
  app.get(
    '/metrics',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'Metrics in the text format of Prometheus',
        tags: ['probes'],
        response: { 200: metricsText, ...problemResponses },
      },
    },
    async (_request, reply) => {
      reply.type(control.metrics.contentType).serializer((text: string) => text);
      return control.metrics.render();
    },
  );
}
