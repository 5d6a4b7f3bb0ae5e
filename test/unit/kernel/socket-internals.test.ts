/** A closed socket lets go of all that it served, so that a young collection takes it. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { emptySocket, readSymbolsOf } from '../../../src/kernel/socket-internals.ts';
import { SocketIo } from '../../../src/kernel/socket-io.ts';

const PROGRAM = fileURLToPath(new URL('../../support/closed-sockets.ts', import.meta.url));
const sockets = new SocketIo();

t.test('what it served is garbage at once', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', PROGRAM]);
  t.equal(stdout, '0 of 20\n');
});

t.test('it listens to nobody, but for an error', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  const told: string[] = [];
  accepted.on('close', () => emptySocket(accepted));
  accepted.on('close', () => told.push('close'));
  sockets.reader(accepted, false, () => {});
  t.ok(readSymbolsOf(accepted), 'this Node has read buffers');
  client.destroy();
  accepted.destroy();
  await once(accepted, 'close');
  t.same(told, ['close'], 'also who came later is told');
  t.same(accepted.eventNames(), ['error']);
  t.doesNotThrow(() => accepted.emit('error', new Error('late')));
  server.close();
});
