export type { HostRule, ListenerPlane, Plane, PoolPlane, ProxyDeps, RateGate, RoutePlane } from './plane.ts';
export { RequestPhases } from './proxy.ts';
