/** The control loops of the main thread: each is a pure `decide.ts` and a thin `loop.ts`. */
export * from './agent/index.ts';
export * from './discovery/index.ts';
export { FirstChecks } from './first-checks.ts';
export * from './health/index.ts';
export type {
  LiveServer,
  PoolDefinition,
  ServerDefinition,
  ServerPatch,
  ServerState,
} from './live-server.ts';
export * from './outliers/index.ts';
export { Registry, type RegistryPlan, serverKey } from './registry.ts';
