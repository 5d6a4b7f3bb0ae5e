export { Admission, type AdmissionOptions, type Ticket } from './admission.ts';
export { type BreakerView, viewBreaker } from './breaker.ts';
export { ConcurrencyWatch } from './concurrency-watch.ts';
export { BREAKER_MODES, type BreakerMode, type BreakerOptions } from './decide.ts';
export type { GradientOptions } from './gradient.ts';
