export type { EjectionReason, OutlierChange, OutlierOptions } from './decide.ts';
export { OutlierWatch } from './loop.ts';
