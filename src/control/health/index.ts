export type { HealthState, HealthStatus } from './decide.ts';
export { HealthChecker, type HealthCheckerDeps, type HealthReport } from './loop.ts';
export type {
  GrpcCheck,
  HealthCheck,
  HealthPool,
  HealthTarget,
  HealthTls,
  HttpCheck,
  IcmpCheck,
  TcpCheck,
} from './options.ts';
