/** Clients that leave a TLS listener in the middle, or never begin: none of them keeps its place. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { get, Peer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const certificates = { local: { self_signed: ['localhost'] } };
/** The beginning of a ClientHello record, whose rest never comes. */
const HALF_HELLO = Buffer.from('1603010200', 'hex');

const ways: Readonly<Record<string, (socket: Socket) => void>> = {
  'FIN at once, as a TCP check does': (socket) => socket.end(),
  'FIN within the hello': (socket) => socket.end(HALF_HELLO),
  'RST within the hello': (socket) => socket.write(HALF_HELLO, () => socket.resetAndDestroy()),
  'bytes that are no TLS': (socket) => socket.write('GET / HTTP/1.1\r\n\r\n'),
  'half a hello, then nothing': (socket) => socket.write(HALF_HELLO),
  'nothing at all': () => {},
};

/** A client that comes again until there is a place for it. */
async function admitted(daemon: DaemonFixture): Promise<Peer> {
  for (let tries = 0; ; tries++) {
    try {
      return await Peer.connect(daemon.port(), { tls: true });
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(50);
    }
  }
}

for (const [name, leave] of Object.entries(ways)) {
  t.test(name, async (t) => {
    const limits = { max_connections: 4, header_timeout: '1s' };
    await using daemon = await DaemonFixture.start({
      certificates,
      listeners: { https: { address: '127.0.0.1', port: 0, tls: { certificates: ['local'] }, limits } },
      routes: [{ respond: 204 }],
    });
    for (let i = 0; i < 4; i++) {
      const socket = connect({ host: '127.0.0.1', port: daemon.port(), allowHalfOpen: true });
      socket.on('error', () => {});
      t.teardown(() => socket.destroy());
      await once(socket, 'connect');
      leave(socket);
    }
    await using client = await admitted(daemon);
    t.equal((await client.ask(get())).status, 204, 'every place is free again');
  });
}

t.test('once the hands are shaken, each direction of a tunnel ends by itself', async (t) => {
  await using proxied = await Proxied.start({
    listener: { tls: { certificates: ['local'] } },
    file: { certificates },
  });
  const client = await proxied.client({ tls: true });
  client.write(get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  t.equal((await client.answer()).status, 101);
  client.end('last word');
  t.equal(await server.rest(), 'last word');
  server.end('and still an answer');
  t.equal(await client.rest(), 'and still an answer');
});
