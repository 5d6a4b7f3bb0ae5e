export type { AttemptEvents, AttemptFailure } from './attempt.ts';
export { ServerConnection } from './connection.ts';
export { ServerConnections } from './connections.ts';
export type { ConnectionDeps, ConnectionLimits, ConnectionMeter } from './options.ts';
export { QuantileEstimate } from './quantile.ts';
export { BUFFER_BYTES } from './read-buffer.ts';
export type { ServerRequest } from './request-writer.ts';
export {
  backoffMs,
  decideRetry,
  type RetryDecision,
  type RetryOptions,
  type RetryQuestion,
  type Reuse,
  reuseFor,
} from './retry.ts';
export { RetryBudget, type RetryBudgetOptions } from './retry-budget.ts';
export type { ConnectTarget, TlsToServer } from './server-socket.ts';
export { Tunnel } from './tunnel.ts';
