import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { hasLookedSince, LoopTurns, loopTurn } from '../../../src/kernel/loop-turn.ts';

t.test('one number for one batch of socket events, another for the next', async (t) => {
  t.equal(loopTurn(), loopTurn(), 'within one callback');
  const server = createServer((socket) => socket.pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(client, 'connect');
  const written = loopTurn();
  client.write('x');
  await once(client, 'data');
  const read = loopTurn();
  t.not(read, written, 'an answer is read in a later one than the request was written in');
  client.write('x');
  await nextTurn();
  const checked = loopTurn();
  await sleep(1);
  const timed = loopTurn();
  t.not(timed, checked);
  client.write('x');
  await once(client, 'data');
  t.not(loopTurn(), timed, 'what a timer wrote is answered in a later one');
  client.destroy();
  server.close();
});

t.test('one number for all that is read in one turn', async (t) => {
  const turns = new LoopTurns();
  const first = turns.inRead();
  t.equal(turns.inRead(), first);
  t.equal(turns.now(), first);
  await nextTurn();
  await nextTurn();
  const later = turns.now();
  t.ok(hasLookedSince(first, later));
  t.notOk(hasLookedSince(later, turns.inRead()));
});

t.test('each thread counts its own', async (t) => {
  const path = JSON.stringify(new URL('../../../src/kernel/loop-turn.ts', import.meta.url).href);
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     import(${path}).then(({ loopTurn }) => {
       const first = loopTurn();
       setTimeout(() => parentPort.postMessage([first, loopTurn()]), 5);
     });`,
    { eval: true },
  );
  const [[first, later]] = (await once(worker, 'message')) as [[number, number]];
  t.ok(Number.isSafeInteger(first));
  t.ok(later > first, `${later} after ${first}`);
  await worker.terminate();
});
