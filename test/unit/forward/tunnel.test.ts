/** How long two joined sides are let be: silence, and a side that takes nothing. */
import t from 'tap';
import { Tunnel } from '../../../src/forward/tunnel.ts';
import { TunnelEnd } from '../../../src/http/index.ts';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeSocket } from '../../support/fake-socket.ts';

const IDLE_MS = 60_000;

interface Joined {
  readonly client: FakeSocket;
  readonly server: FakeSocket;
  pass(ms: number): void;
}

function joined(): Joined {
  const clock = new FakeClock();
  const sides = [new FakeSocket(), new FakeSocket()] as const;
  const ends = sides.map((socket) => {
    const end = new TunnelEnd(socket.asSocket, []);
    socket.on('data', (bytes: Buffer) => end.deliver(bytes));
    socket.on('drain', () => end.deliverDrain());
    return end;
  });
  const [client, server] = ends as [TunnelEnd, TunnelEnd];
  new Tunnel(client, server, IDLE_MS, { clock, deadlines: new Deadlines(clock) }, () => {}).open();
  return {
    client: sides[0],
    server: sides[1],
    pass: (ms) => {
      clock.advance(ms);
      for (const side of sides) side.settle();
    },
  };
}

t.test('bytes either way keep it open; silence ends it', (t) => {
  const { client, server, pass } = joined();
  for (let i = 0; i < 4; i++) {
    pass(IDLE_MS - 1000);
    (i % 2 === 0 ? client : server).receive('ping');
  }
  t.same([client.sent, server.sent], ['pingping', 'pingping']);
  t.notOk(client.destroyed);
  pass(IDLE_MS + 200);
  t.ok(client.destroyed && server.destroyed);
  t.end();
});

t.test('a side that takes nothing ends it, however much it says meanwhile', (t) => {
  const { client, server, pass } = joined();
  client.isStuck = true;
  server.receive(Buffer.alloc(client.highWaterBytes));
  t.ok(server.isPaused, 'the other side is held back');
  for (let spent = 0; spent < IDLE_MS - 1000; spent += 1000) {
    client.receive('ping');
    pass(1000);
  }
  t.notOk(client.destroyed);
  client.receive('ping');
  pass(1500);
  t.ok(client.destroyed && server.destroyed);
  t.end();
});

t.test('a side that takes it late goes on', (t) => {
  const { client, server, pass } = joined();
  client.isStuck = true;
  server.receive(Buffer.alloc(client.highWaterBytes));
  pass(IDLE_MS - 1000);
  client.unstick();
  t.notOk(server.isPaused);
  pass(IDLE_MS - 1000);
  t.notOk(client.destroyed, 'its time began anew');
  t.end();
});
