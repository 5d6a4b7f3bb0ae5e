import type { ConnectionMeter } from '../forward/index.ts';
import { COUNTER } from '../kernel/slot-counters.ts';
import type { PoolCells, ServerCells } from '../observe/index.ts';
import type { ServerOptions } from '../pool/index.ts';
import type { CompileContext } from './plane.ts';

/** Counts into the server's slot and cells, which it keeps as long as its connections. */
export function meterOf(
  server: ServerOptions,
  cells: ServerCells,
  http2: PoolCells,
  { slots, thread }: CompileContext,
): ConnectionMeter {
  return {
    http2,
    opened: () => cells.countConnection(),
    spokenUnasked: () => slots.counters.count(server.slot, thread, COUNTER.badAnswers, 1),
    moved: (upBytes, downBytes) => {
      slots.counters.count(server.slot, thread, COUNTER.bytesUp, upBytes);
      slots.counters.count(server.slot, thread, COUNTER.bytesDown, downBytes);
    },
  };
}
