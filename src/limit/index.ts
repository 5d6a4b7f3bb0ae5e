/** Who may come in, how often, how many at once and how fast: address filters, and the tables of the limits in shared memory. */
export {
  type Address,
  type ClientKey,
  clientHash32,
  clientKeyOf,
  parseAddress,
  type TextKey,
} from './address.ts';
export { BytePace } from './byte-pace.ts';
export { type Cidr, CidrSet, type IpDecision, IpFilter, parseCidr } from './cidr.ts';
export { type FieldLine, rateLimitHeaders } from './headers.ts';
export {
  ConcurrencyRule,
  type ConcurrencyRuleOptions,
  DEFAULT_PLACE_ENTRIES,
  type PlaceStats,
  PlaceTable,
  REFUSED,
} from './places.ts';
export { RateRule, type RateRuleOptions } from './rule.ts';
export {
  type SharedAnswer,
  SharedLimits,
  type SharedLimitsDeps,
  type SharedLimitsOptions,
} from './shared-limits.ts';
export {
  DEFAULT_LIMITER_ENTRIES,
  type LimiterStats,
  LimiterTable,
  type LimiterTableOptions,
} from './table.ts';
export { Verdict } from './verdict.ts';
