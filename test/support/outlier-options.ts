import type { OutlierOptions } from '../../src/control/index.ts';

/** The defaults of the configuration. */
export const OUTLIERS: OutlierOptions = {
  consecutiveErrors: 5,
  failureRate: 0.5,
  intervalMs: 10_000,
  minRequests: 20,
  ejectionMs: 30_000,
  maxEjected: 0.5,
};
