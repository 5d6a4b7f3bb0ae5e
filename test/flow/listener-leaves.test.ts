/** A listener that leaves while clients are on their way in: whom it has let in is served, and nobody harms the thread. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { fieldOf, get, Peer } from '../support/peer.ts';
import { overWires, type Wire } from '../support/wires.ts';

const test = overWires(t);

function listeners(wire: Wire, names: readonly string[], isTls: boolean): FileInput {
  const tls = isTls ? { tls: { certificates: ['local'] } } : {};
  return {
    certificates: { local: { self_signed: ['localhost'] } },
    listeners: Object.fromEntries(
      names.map((name) => [name, { ...wire.listener, address: '127.0.0.1', port: 0, ...tls }]),
    ),
    routes: [{ respond: { status: 200, body: 'here' } }],
  };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

test('a handshake that is under way is finished, and its request served (B59)', async (t, wire) => {
  await using daemon = await DaemonFixture.start(listeners(wire, ['stays', 'leaves'], true));
  const raw = await connected(daemon.port('leaves'));
  await daemon.until('it is accepted', () => daemon.inFlight() === 1);
  await daemon.reload(listeners(wire, ['stays'], true));
  const secured = connectTls({ socket: raw, rejectUnauthorized: false });
  await once(secured, 'secureConnect');
  await using client = new Peer(secured, 'client');
  const answer = await client.ask(get());
  t.equal(answer.body, 'here');
  t.equal(fieldOf(answer, 'connection'), 'close');
  t.equal(daemon.daemon.threadCount, 1, 'the thread lives');
});

test('a new connection may still bring its first request', async (t, wire) => {
  await using daemon = await DaemonFixture.start(listeners(wire, ['stays', 'leaves'], false));
  const socket = await connected(daemon.port('leaves'));
  const silent = await connected(daemon.port('leaves'));
  await daemon.until('both are accepted', () => daemon.inFlight() === 2);
  await daemon.reload(listeners(wire, ['stays'], false));
  await using client = new Peer(socket, 'client');
  const answer = await client.ask(get());
  t.equal(answer.body, 'here');
  t.equal(fieldOf(answer, 'connection'), 'close');
  await using other = new Peer(silent, 'silent client');
  t.equal(await other.rest(), '', 'who brings none is let go');
});

test('a daemon that ends does not wait for a listener that had left before', async (t, wire) => {
  const fresh = { ...listeners(wire, ['stays', 'leaves'], false), shutdown: { drain_timeout: '20s' } };
  const daemon = await DaemonFixture.start(fresh);
  const silent = await connected(daemon.port('leaves'));
  await daemon.until('it is accepted', () => daemon.inFlight() === 1);
  await daemon.reload({ ...listeners(wire, ['stays'], false), shutdown: { drain_timeout: '20s' } });
  const startMs = performance.now();
  await daemon.daemon.stop();
  t.ok(performance.now() - startMs < 10_000, 'the time for what had left is not waited out');
  silent.destroy();
  await daemon[Symbol.asyncDispose]();
});

test('a client that has reset its connection has no address, and is not served', async (t, wire) => {
  await using proxied = await wire.start({ listener: { ip_deny: ['127.0.0.1'] } });
  const port = proxied.daemon.port();
  for (let i = 0; i < 200; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('connect', () => socket.write(get(), () => socket.resetAndDestroy()));
    if (i % 20 === 0) await sleep(1);
  }
  await sleep(100);
  t.equal(proxied.server.connections, 0);
});
