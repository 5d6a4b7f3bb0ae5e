/** What the daemon is: one snapshot of all, its own description, and reading the file again. */
import { hostname } from 'node:os';
import { SluiceError } from '../../kernel/errors.ts';
import { type AdminApp, type AppDeps, clientOf } from '../app.ts';
import { assertChangeable, changedBy } from '../change.ts';
import type { AdminControl } from '../control.ts';
import { ApiProblem, PROBLEMS } from '../problem.ts';
import {
  noArguments,
  type PoolView,
  problemResponses,
  type ReloadView,
  reloadReport,
  roleText,
  snapshotView,
} from '../schemas.ts';
import { viewDiagnostic, viewPool, viewReload } from '../views.ts';

export function stateRoutes(app: AdminApp, deps: AppDeps): void {
  snapshotRoute(app, deps);
  reloadRoute(app, deps);
  app.get(
    '/api/v1/openapi.json',
    {
      config: { access: 'viewer' },
      schema: { summary: 'This description', description: roleText.viewer, tags: ['state'] },
    },
    async () => app.swagger(),
  );
}

function snapshotRoute(app: AdminApp, { control, clock, version }: AppDeps): void {
  const startMs = clock.nowMs();
  const startedAt = new Date(clock.wallMs()).toISOString();
  app.get(
    '/api/v1/snapshot',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'Everything at this moment',
        description: roleText.viewer,
        tags: ['state'],
        response: { 200: snapshotView, ...problemResponses },
      },
    },
    async () => ({
      node: hostname(),
      pid: process.pid,
      version,
      life: control.life,
      generation: control.generation,
      started_at: startedAt,
      uptime_ms: Math.round(clock.nowMs() - startMs),
      threads: control.threads,
      config_file: control.configFile,
      listeners: control.listeners.map((it) => ({
        name: it.name,
        address: it.host ?? null,
        port: it.port,
        tls: it.tls,
        redirect_to_port: it.redirectPort,
      })),
      pools: viewPools(control),
    }),
  );
}

function reloadRoute(app: AdminApp, { control, log }: AppDeps): void {
  app.post(
    '/api/v1/reload',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'Read the configuration file again',
        description: `All or nothing: a file with errors changes nothing (422 with \`diagnostics\`). ${roleText.admin}`,
        tags: ['state'],
        body: noArguments,
        response: { 200: reloadReport, ...problemResponses },
      },
    },
    async (request) => {
      assertChangeable(control);
      log.info('reload asked for', { by: changedBy(request), from: clientOf(request) });
      return reload(control);
    },
  );
}

/** All pools; none until the first configuration is in force. */
export function viewPools(control: AdminControl): PoolView[] {
  if (control.generation === 0) return [];
  return control.pools.map((pool) => viewPool(pool, control.servers(pool.name)));
}

async function reload(control: AdminControl): Promise<ReloadView> {
  const outcome = await control.reload().catch((error: unknown) => {
    // Whatever part refused the file, to the caller it is the file that was refused.
    if (error instanceof SluiceError && !Object.hasOwn(PROBLEMS, error.code))
      throw new ApiProblem(
        'config_refused',
        error.message,
        error.hint === undefined ? {} : { hint: error.hint },
      );
    throw error;
  });
  if (outcome.ok) return viewReload(outcome.reload);
  const errors = outcome.diagnostics.filter((it) => it.severity === 'error').length;
  throw new ApiProblem('config_invalid', `The file has ${errors} ${errors === 1 ? 'error' : 'errors'}.`, {
    extra: { diagnostics: outcome.diagnostics.map(viewDiagnostic) },
  });
}
