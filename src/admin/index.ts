/** The admin API: main thread only, loaded when it is started (fastify costs start-up time). */
export {
  type AdminAccess,
  AdminServer,
  type AdminServerDeps,
  type AdminServerOptions,
} from './admin-server.ts';
export type {
  AdminControl,
  AdminDiagnostic,
  AdminDiscovery,
  AdminListener,
  AdminNounDiff,
  AdminPool,
  AdminReload,
  AdminServer as AdminServerState,
  Life,
  ReloadOutcome,
  Role,
} from './control.ts';
