export type { AttemptEvents, AttemptFailure } from './attempt.ts';
export {
  type ConnectionDeps,
  type ConnectionLimits,
  type ConnectTarget,
  ServerConnection,
  type TlsToServer,
} from './connection.ts';
export { ServerConnections } from './connections.ts';
export { decideRetry, isIdempotent, type RetryDecision, type RetryQuestion } from './retry.ts';
export { Tunnel } from './tunnel.ts';
