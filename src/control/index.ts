/** The control loops of the main thread: each is a pure `decide.ts` and a thin `loop.ts`. */
export { FirstChecks } from './first-checks.ts';
export * from './health/index.ts';
export {
  type LiveServer,
  type PoolDefinition,
  Registry,
  type RegistryPlan,
  type ServerDefinition,
  type ServerPatch,
  type ServerState,
  serverKey,
} from './registry.ts';
