/** Which route takes a request: normal forms of host and path, the compiled table, redirect targets. */
export type { RequestFacts, RouteConditions } from './condition.ts';
export { normalizeHost } from './host.ts';
export { normalizePath, PATH_REFUSALS, type PathRefusal, type PathRefusalReason } from './path.ts';
export { type PathPattern, parsePathPattern } from './pattern.ts';
export { type RedirectOptions, type RedirectRequest, redirectLocation } from './redirect.ts';
export {
  compileRoutes,
  type RouteActionOptions,
  type RouteMatch,
  type RouteOptions,
  type RouteStep,
  RouteTable,
} from './table.ts';
