export { Admission, type AdmissionOptions, type Ticket } from './admission.ts';
export { type BreakerView, viewBreaker } from './breaker.ts';
export { BREAKER_MODES, type BreakerMode, type BreakerOptions } from './decide.ts';
