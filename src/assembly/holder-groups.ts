import { TLS_CONNECTION_BYTES } from '../kernel/memory.ts';
import type { Listener } from '../listen/index.ts';
import { type CellTable, heldBytesOf, ListenerCells } from '../observe/index.ts';
import type { HolderGroup } from './memory-guard.ts';

/** Who holds memory for clients in this thread, by listener. @param listeners each with the block of its counters */
export function* holderGroups(
  listeners: Iterable<{ readonly listener: Listener; readonly cells: number }>,
  row: Float64Array,
  table: CellTable,
): Iterable<HolderGroup> {
  for (const { listener, cells } of listeners) {
    const counters = new ListenerCells(row, cells);
    yield {
      holders: listener.connections,
      unboundBytes: listener.handshakeCount * TLS_CONNECTION_BYTES,
      publish: (bytes) => {
        counters.setHeld(bytes);
        return heldBytesOf(table, cells);
      },
      overload: (connection) => listener.overload(connection),
    };
  }
}
