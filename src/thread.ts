/**
 * Composition root of a data thread: takes the tables and snapshots that main posts, puts listeners, wire, phases
 * and pools together, and obeys. It decides nothing that outlives a request.
 *
 * Loaded in every thread: what it imports must be light (no zod, yaml, fastify, pino).
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { AccessBook } from './access/index.ts';
import { ConnectionBook } from './assembly/connection-book.ts';
import { DataThread } from './assembly/data-thread.ts';
import type { FromThread, ThreadStart, ToThread } from './assembly/messages.ts';
import { SharedLimitsBook } from './assembly/shared-limits-book.ts';
import { systemClock } from './kernel/clock.ts';
import { Deadlines } from './kernel/deadlines.ts';
import { fastRandom } from './kernel/random.ts';
import { SlotTable } from './kernel/slots.ts';
import { SocketIo } from './kernel/socket-io.ts';
import { LimiterTable, PlaceTable } from './limit/index.ts';
import { CellTable, LoopDelay, ThreadCells, ThreadLog } from './observe/index.ts';

const port = parentPort as MessagePort;
const start = workerData as ThreadStart;
const post = (message: FromThread): void => port.postMessage(message);
const cells = new CellTable(start.cells);
const row = cells.row(start.thread);
const clock = systemClock;

const deadlines = new Deadlines(clock);
const log = new ThreadLog(start.logLevel, (record) => post({ type: 'log', record }));
const threadCells = new ThreadCells(row, start.threadCells);
const thread = new DataThread(
  {
    clock,
    deadlines,
    sockets: new SocketIo(),
    random: fastRandom(),
    slots: SlotTable.attach(start.slots),
    limiter: LimiterTable.attach(start.limiter, start.thread),
    places: PlaceTable.attach(start.places, start.thread),
    cells,
    row,
    thread: start.thread,
    connections: new ConnectionBook(),
    access: new AccessBook(),
    shared: new SharedLimitsBook({ clock, deadlines, log, cells: threadCells }),
  },
  start,
  log,
  post,
);
void new LoopDelay(threadCells, clock).start();

port.on('message', (message: ToThread) => {
  thread.onMessage(message).then((isOver) => {
    if (isOver) port.close();
  });
});
post({ type: 'ready' });
