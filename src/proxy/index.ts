export { compileFieldRules, type FieldRuleOptions } from './field-rules.ts';
export type { Gate } from './gate.ts';
export { hashKeyOf } from './hash-key.ts';
export { type LimitKey, limitKeyName } from './limit-key.ts';
export type { HostRule, ListenerPlane, Plane, PoolPlane, ProxyDeps, RoutePlane } from './plane.ts';
export { RequestPhases } from './proxy.ts';
export { RateLimitGate, RateLimits } from './rate-limits.ts';
export { type RewriteOptions, rewriteTarget } from './rewrite.ts';
export { PoolSplit, type SplitShare } from './split.ts';
