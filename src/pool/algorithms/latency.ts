import type { SlotTable } from '../../kernel/slots.ts';

/** Of a server that nobody has heard of yet. */
export const UNKNOWN = -1;
/** Below this, differences say nothing; and a load times 0 would be none. */
const LEAST_MS = 0.1;

/** Of one server: its peak-sensitive response time (slot-times.ts), as a number to compare; or UNKNOWN. */
export function peakMs(slots: SlotTable, slot: number, nowMs: number): number {
  return comparable(slots.times.peakMs(slot, nowMs));
}

/** Its steady average, which fades while nothing is heard of it: so one that was slow once is tried again. */
export function steadyMs(slots: SlotTable, slot: number, nowMs: number): number {
  return comparable(slots.times.steadyMs(slot, nowMs));
}

function comparable(ms: number): number {
  return ms < 0 ? UNKNOWN : Math.max(LEAST_MS, ms);
}
