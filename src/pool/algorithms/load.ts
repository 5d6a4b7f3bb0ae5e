import type { SlotTable } from '../../kernel/slots.ts';
import type { PoolServer } from '../options.ts';

/**
 * `power_of_two`: of two servers the less loaded one. Whether `a` is to be preferred to `b`: its load *with* the request, `(in flight + 1) / weight`, would be less. Without the
 * +1 an idle server of weight 1 would beat a nearly idle one of weight 1 000. Two idle ones are equal, so that the
 * order in which they were drawn, which is by weight, decides; else a quiet pool would only ever use its heaviest.
 */
export function isLighter(slots: SlotTable, a: PoolServer, b: PoolServer): boolean {
  const ofA = slots.inFlight(a.slot);
  const ofB = slots.inFlight(b.slot);
  if (ofA === 0 && ofB === 0) return false;
  return (ofA + 1) * slots.weight(b.slot) < (ofB + 1) * slots.weight(a.slot);
}
