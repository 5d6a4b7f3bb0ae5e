export { compileFieldRules, type FieldRuleOptions } from './field-rules.ts';
export { hashKeyOf } from './hash-key.ts';
export type { HostRule, ListenerPlane, Plane, PoolPlane, ProxyDeps, RateGate, RoutePlane } from './plane.ts';
export { RequestPhases } from './proxy.ts';
export { type RewriteOptions, rewriteTarget } from './rewrite.ts';
export { PoolSplit, type SplitShare } from './split.ts';
