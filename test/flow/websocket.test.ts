/** WebSockets over TLS with a client and a server of another make: messages both ways, through reloads, and large ones. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { overWires, type Wire } from '../support/wires.ts';

const test = overWires(t);

const MESSAGES = 1000;

/** Echoes every message, and says each second one itself. */
async function echoServer() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 64 * 1024 * 1024 });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    async [Symbol.asyncDispose]() {
      for (const client of server.clients) client.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

const configFor = (wire: Wire, address: string, more: Partial<FileInput> = {}): FileInput => ({
  certificates: { local: { self_signed: ['localhost'] } },
  listeners: { https: { ...wire.listener, address: '127.0.0.1', port: 0, tls: { certificates: ['local'] } } },
  routes: [{ name: 'all', pool: 'web' }],
  pools: { web: { servers: [address], health: false } },
  ...more,
});

async function open(daemon: DaemonFixture, path = '/'): Promise<WebSocket> {
  const socket = new WebSocket(`wss://127.0.0.1:${daemon.port()}${path}`, { rejectUnauthorized: false });
  await once(socket, 'open');
  return socket;
}

async function closed(socket: WebSocket): Promise<number> {
  const close = once(socket, 'close');
  socket.close(1000);
  return (await close)[0];
}

test('a thousand messages both ways, over reloads that change everything but the server (B46)', async (t, wire) => {
  await using echo = await echoServer();
  await using daemon = await DaemonFixture.start(configFor(wire, echo.address));
  const connection = once(echo.server, 'connection') as Promise<[WebSocket]>;
  const socket = await open(daemon);
  const [serverSide] = await connection;
  const serverClosed = once(serverSide, 'close');
  const echoed: string[] = [];
  const done = Promise.withResolvers<void>();
  const at = new Map<number, () => void>();
  socket.on('message', (data) => {
    echoed.push(String(data));
    at.get(echoed.length)?.();
    if (echoed.length === MESSAGES) done.resolve();
  });
  const reached = (count: number): Promise<void> => new Promise((resolve) => at.set(count, resolve));
  const firstQuarter = reached(MESSAGES / 4);
  const half = reached(MESSAGES / 2);
  const send = (from: number, to: number): void => {
    for (let i = from; i < to; i++) socket.send(`message ${i} ${'x'.repeat(i % 300)}`);
  };

  send(0, MESSAGES / 2);
  await firstQuarter;
  await daemon.reload(
    configFor(wire, echo.address, { routes: [{ name: 'renamed', pool: 'web', timeout: '5s' }] }),
  );
  await half;
  send(MESSAGES / 2, MESSAGES);
  await daemon.reload(
    configFor(wire, echo.address, {
      routes: [{ name: 'gone', respond: 403 }],
      pools: { other: { servers: [echo.address], health: false } },
    }),
  );
  await done.promise;
  t.same(
    echoed,
    Array.from({ length: MESSAGES }, (_, i) => `message ${i} ${'x'.repeat(i % 300)}`),
  );
  t.equal(await closed(socket), 1000, 'closed in good form');
  t.equal((await serverClosed)[0], 1000);
});

test('many at once, and a large message (B46)', async (t, wire) => {
  await using echo = await echoServer();
  await using daemon = await DaemonFixture.start(configFor(wire, echo.address));
  const sockets = await Promise.all(Array.from({ length: 20 }, (_, i) => open(daemon, `/${i}`)));
  await Promise.all(
    sockets.map(async (socket, i) => {
      const large = Buffer.alloc(i === 0 ? 16 * 1024 * 1024 : 100_000, i + 1);
      const answer = once(socket, 'message');
      socket.send(large);
      const [data] = (await answer) as [Buffer];
      t.ok(data.equals(large), `${large.length} bytes came back`);
    }),
  );
  for (const socket of sockets) t.equal(await closed(socket), 1000);
});

test('a client that is gone ends its server’s socket', async (t, wire) => {
  await using echo = await echoServer();
  await using daemon = await DaemonFixture.start(configFor(wire, echo.address));
  const connection = once(echo.server, 'connection') as Promise<[WebSocket]>;
  const socket = await open(daemon);
  const [serverSide] = await connection;
  const close = once(serverSide, 'close');
  socket.terminate();
  t.equal((await close)[0], 1006);
});

test('a server that is gone ends its client’s socket', async (t, wire) => {
  await using echo = await echoServer();
  await using daemon = await DaemonFixture.start(configFor(wire, echo.address));
  const connection = once(echo.server, 'connection') as Promise<[WebSocket]>;
  const socket = await open(daemon);
  const [serverSide] = await connection;
  const close = once(socket, 'close');
  serverSide.terminate();
  t.equal((await close)[0], 1006);
});
