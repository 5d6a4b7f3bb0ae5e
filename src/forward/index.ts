export { type AttemptEvents, type AttemptFailure, failureKindOf } from './attempt.ts';
export type { ServerChannel, ServerChannels } from './channel.ts';
export { ServerConnection } from './connection.ts';
export { ServerConnections } from './connections.ts';
export { type ConnectionDeps, type ConnectionLimits, type ConnectionMeter, silenceText } from './options.ts';
export { MAX_INTERIM } from './progress.ts';
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
export { type ConnectTarget, TCP_KEEPALIVE_MS, type TlsToServer } from './server-socket.ts';
export { Tunnel } from './tunnel.ts';
