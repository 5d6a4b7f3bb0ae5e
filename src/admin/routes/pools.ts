import type { AdminApp, AppDeps } from '../app.ts';
import { assertInForce, poolOf } from '../change.ts';
import { poolList, poolParams, poolView, problemResponses, roleText } from '../schemas.ts';
import { viewPool } from '../views.ts';
import { viewPools } from './state.ts';

/** Reading pools; they are made in the file. */
export function poolRoutes(app: AdminApp, { control }: AppDeps): void {
  app.get(
    '/api/v1/pools',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'All pools with their servers',
        description: roleText.viewer,
        tags: ['pools'],
        response: { 200: poolList, ...problemResponses },
      },
    },
    async () => {
      assertInForce(control);
      return { pools: viewPools(control) };
    },
  );
  app.get(
    '/api/v1/pools/:pool',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'One pool',
        description: roleText.viewer,
        tags: ['pools'],
        params: poolParams,
        response: { 200: poolView, ...problemResponses },
      },
    },
    async (request) => {
      assertInForce(control);
      const pool = poolOf(control, request.params.pool);
      return viewPool(pool, control.servers(pool.name));
    },
  );
}
