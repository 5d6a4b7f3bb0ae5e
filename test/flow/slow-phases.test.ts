/**
 * A client that sends or takes a byte now and then: no phase lasts longer for it. (The minimum rate of bodies and answers
 * counts in windows of ten seconds and more: test/unit/http/pace.test.ts and http1-connection.test.ts have those.)
 */
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { get, ok, Peer, RawServer } from '../support/peer.ts';
import { onePool, Proxied } from '../support/proxied.ts';
import { NODE, overWires } from '../support/wires.ts';

const test = overWires(t);

const LIMIT_MS = 700;
/** A drip comes several times within each limit; after so many drips a phase that they extend is far over it. */
const DRIP_MS = 60;
const DRIPS = 100;
const certificates = { local: { self_signed: ['localhost'] } };
const limits = {
  header_timeout: `${LIMIT_MS}ms`,
  body_timeout: `${LIMIT_MS}ms`,
  idle_timeout: `${LIMIT_MS}ms`,
  tunnel_idle_timeout: `${LIMIT_MS}ms`,
};

/** Sends one byte of `bytes` after the other until the other side has had enough. @returns how many went */
async function drip(socket: Socket, bytes: Buffer): Promise<number> {
  let sent = 0;
  const closed = new Promise<void>((resolve) => {
    socket.on('close', resolve);
    socket.on('end', resolve);
  });
  socket.on('error', () => {});
  const timer = setInterval(() => {
    if (sent < DRIPS && socket.writable) socket.write(bytes.subarray(sent, ++sent));
  }, DRIP_MS);
  await closed;
  clearInterval(timer);
  return sent;
}

interface Phase {
  readonly name: string;
  readonly tls?: boolean;
  /** What is sent at once before the dripping, and what is dripped. */
  readonly first: string;
  readonly drips: Buffer;
  readonly status: string;
  /** Node skips empty lines unseen, so that they pass for the begin of a head. */
  readonly statusOfNode?: string;
}

const phases: readonly Phase[] = [
  {
    name: 'TLS hello',
    tls: true,
    first: '',
    drips: Buffer.concat([Buffer.from('16030102000100', 'hex'), Buffer.alloc(DRIPS, 1)]),
    status: '',
  },
  {
    name: 'first head',
    first: '',
    drips: Buffer.from(`GET / HTTP/1.1\r\nX: ${'y'.repeat(DRIPS)}`),
    status: '408',
  },
  {
    name: 'next head',
    first: get('/quick'),
    drips: Buffer.from(`GET / HTTP/1.1\r\nX: ${'y'.repeat(DRIPS)}`),
    status: '408',
  },
  {
    name: 'head of a WebSocket',
    first: '',
    drips: Buffer.from(`GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: ${'upgrade,'.repeat(DRIPS)}`),
    status: '408',
  },
  {
    name: 'idle, with empty lines',
    first: get('/quick'),
    drips: Buffer.from('\r\n'),
    status: '',
    statusOfNode: '408',
  },
];

for (const { name, tls = false, first, drips, status, statusOfNode } of phases) {
  test(name, async (t, wire) => {
    await using proxied = await wire.start({
      listener: { limits, ...(tls ? { tls: { certificates: ['local'] } } : {}) },
      file: { certificates },
    });
    proxied.server.answerAll(() => ok());
    const socket = connect(proxied.daemon.port(), '127.0.0.1');
    await using client = new Peer(socket, 'client');
    if (first !== '') t.equal((await client.ask(first)).status, 200);
    const sent = await drip(socket, drips);
    t.ok(sent < DRIPS, `over after ${sent} bytes`);
    const wanted = wire === NODE ? (statusOfNode ?? status) : status;
    t.equal(/^HTTP\/1\.1 (\d+)/.exec(client.unread)?.[1] ?? '', wanted);
  });
}

t.test('a handshake that a kept listener has after a reload', async (t) => {
  await using server = await RawServer.open();
  const file = (header_timeout: string) =>
    onePool([server], {
      listener: { tls: { certificates: ['local'] }, limits: { header_timeout } },
      file: { certificates },
    });
  await using proxied = await Proxied.start({
    listener: { tls: { certificates: ['local'] }, limits: { header_timeout: '1h' } },
    file: { certificates },
  });
  await proxied.daemon.reload(file('300ms'));
  const socket = connect(proxied.daemon.port(), '127.0.0.1');
  const sent = await drip(
    socket,
    Buffer.concat([Buffer.from('16030102000100', 'hex'), Buffer.alloc(DRIPS, 1)]),
  );
  t.ok(sent < DRIPS, `over after ${sent} bytes`);
});

test('a tunnel whose client talks and takes nothing', async (t, wire) => {
  await using proxied = await wire.start({ listener: { limits } });
  const client = await proxied.client();
  client.write(get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await client.answer();
  client.socket.pause();
  server.write(Buffer.alloc(32 * 1024 * 1024));
  const timer = setInterval(() => client.write('x'), DRIP_MS);
  await server.ended();
  clearInterval(timer);
  t.ok(server.isClosed || server.socket.readableEnded);
});

/** Sends and sends, until nothing more is taken. */
async function fill({ socket }: Peer): Promise<void> {
  const piece = Buffer.alloc(64 * 1024);
  let taken = -1;
  const more = () => {
    taken++;
    if (socket.writable) socket.write(piece, more);
  };
  more();
  for (let before = -1; taken > before; ) {
    before = taken;
    await delay(systemClock, 250);
  }
}

test('a client that resets while its upload is held back', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write('POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 100000000\r\n\r\n');
  // A server that takes nothing.
  (await proxied.server.accept()).socket.pause();
  await fill(client);
  const inFlight = () => proxied.daemon.inFlightOf('web', proxied.server.address);
  t.equal(inFlight(), 1);
  client.reset();
  await proxied.daemon.until('its server is free again', () => inFlight() === 0);
});
