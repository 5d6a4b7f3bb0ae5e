/**
 * A program: serves connections, one behind the other, and prints how many of those that are over a young collection leaves alive.
 * Of its own, since a test runner follows promises and timers, and so keeps what they refer to.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { emptySocket } from '../../src/kernel/socket-internals.ts';
import { SocketIo } from '../../src/kernel/socket-io.ts';

const CONNECTIONS = 20;
const sockets = new SocketIo();

/** What a connection is to its socket: reachable from listeners and from the functions of the read buffer. */
class Served {
  readonly bytes: Buffer[] = [];

  constructor(socket: Socket) {
    sockets.reader(socket, false, (bytes) => this.bytes.push(Buffer.from(bytes)));
    socket.on('close', () => this.bytes.push(Buffer.alloc(0)));
  }
}

const served: WeakRef<Served>[] = [];
const server = createServer((socket) => {
  socket.on('close', () => emptySocket(socket));
  served.push(new WeakRef(new Served(socket)));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
for (let i = 0; i < CONNECTIONS; i++) {
  const over = new Promise((resolve) => server.once('connection', (it) => it.once('close', resolve)));
  connect(port, '127.0.0.1').end('hello').resume();
  await over;
}
// What was made in a turn of the event loop is kept for that turn.
await nextTurn();
if (gc === undefined) throw new Error('to be run with --expose-gc');
gc({ type: 'minor' });
process.stdout.write(`${served.filter((ref) => ref.deref() !== undefined).length} of ${served.length}\n`);
server.close();
