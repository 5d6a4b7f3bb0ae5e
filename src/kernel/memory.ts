/** Memory that clients make this process hold, and how much of it there may be. */
import { totalmem } from 'node:os';

/** Whether memory is short in this process; asked before more of it is given out. */
export class MemoryPressure {
  isTight = false;
}

/** What a connection costs that holds nothing, measured by bench/run.ts (part `idle`). */
export const CONNECTION_BYTES = 8 * 1024;
export const TLS_CONNECTION_BYTES = 60 * 1024;

/** The memory that this process may use: the machine's, or that of its cgroup if that is less. */
export function machineMemoryBytes(): number {
  const machine = totalmem();
  const constrained = process.constrainedMemory();
  // 0 = no limit, or unknown; where there is none it is a very large number.
  return constrained > 0 ? Math.min(machine, constrained) : machine;
}

/**
 * What connections may hold when the configuration does not say: half of what there is. The other half is for the program
 * itself, for what its collectors have yet to free, and for the system's own socket buffers.
 */
export function defaultMemoryLimit(availableBytes: number): number {
  return Math.floor(availableBytes / 2);
}
