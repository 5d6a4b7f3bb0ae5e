import type { ResolvedConfig } from '../config/index.ts';
import { MAX_SERVERS } from '../control/index.ts';
import { SlotTable } from '../kernel/slots.ts';
import { dnsSources, poolDefinitions, slotKeys } from './build-snapshot.ts';

const MIN_SLOTS = 1024;

/** Slots for what a configuration has and DNS may find, and for what reloads may bring. @param threads data threads */
export function makeSlotTable(config: ResolvedConfig, threads: number, nowMs: number): SlotTable {
  const wanted = slotKeys(config, poolDefinitions(config)).length + dnsSources(config).length * MAX_SERVERS;
  // Rows: one a data thread, and the last for main.
  return SlotTable.create({ capacity: Math.max(MIN_SLOTS, wanted * 4), threads: threads + 1, nowMs });
}
