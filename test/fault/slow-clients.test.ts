/**
 * Slow clients by the hundred, each of slowhttptest's modes and idle ones, all at once against a daemon of its own process:
 * others are answered all the time, and those that drip are gone when their time is over. (bench/slow.ts measures it.)
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { claimPort } from '../../src/assembly/ports.ts';
import { get, Peer } from '../support/peer.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const EACH = 60;
const DRIP_MS = 100;
const ASKED = 200;
const BIG = Buffer.alloc(8 * 1024 * 1024, 'x');

t.setTimeout(60_000);

interface Slow {
  readonly name: string;
  readonly first: string;
  /** Sent again and again. */
  readonly drip: string;
  readonly takesNothing?: boolean;
  /** Whether the balancer must have ended them before the test is over. */
  readonly ends: boolean;
}

const kinds: readonly Slow[] = [
  { name: 'head drip', first: 'GET / HTTP/1.1\r\nHost: t.example\r\n', drip: 'X-More: y\r\n', ends: true },
  {
    name: 'body drip',
    first: 'POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 1048576\r\n\r\n',
    drip: 'x',
    // By the minimum rate of its first ten seconds, which a test of seconds does not wait for.
    ends: false,
  },
  { name: 'slow read', first: get('/big'), drip: '', takesNothing: true, ends: true },
  {
    name: 'ranges',
    first: get('/', `Range: bytes=0-${Array.from({ length: 1000 }, (_, i) => `,5-${i}`).join('')}\r\n`),
    drip: '',
    ends: true,
  },
  { name: 'idle', first: '', drip: '', ends: true },
];

t.test('hundreds of each, and a client beside them (B55)', async (t) => {
  const server = createServer((request, response) => {
    request.resume();
    if (request.url === '/big') response.end(BIG);
    else if (request.method === 'GET') response.end('served');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const port = await claimPort('t', '127.0.0.1', 0);
  const folder = t.testdir({
    'sluice.yaml': `threads: 1
admin: { listen: "127.0.0.1:0" }
listeners:
  web:
    address: 127.0.0.1
    port: ${port}
    limits: { header_timeout: 2s, idle_timeout: 2s, body_timeout: 2s }
routes: [{ pool: web }]
pools: { web: { servers: ["127.0.0.1:${(server.address() as AddressInfo).port}"], health: false } }
`,
  });
  await using sluice = new SluiceProcess(['run'], { cwd: folder });
  await sluice.message('ready');
  const open = new Map<Slow, Set<Socket>>();
  const timers: NodeJS.Timeout[] = [];
  for (const kind of kinds) {
    const sockets = new Set<Socket>();
    open.set(kind, sockets);
    for (let i = 0; i < EACH; i++) {
      const socket = connect(port, '127.0.0.1');
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      if (kind.takesNothing === true) socket.pause();
      else socket.resume();
      await once(socket, 'connect');
      socket.write(kind.first);
    }
    const drip = (): void => {
      for (const socket of sockets) if (socket.writable) socket.write(kind.drip);
    };
    if (kind.drip !== '') timers.push(setInterval(drip, DRIP_MS));
  }
  await using beside = await Peer.connect(port);
  for (let i = 0; i < ASKED; i++) {
    const { status, body } = await beside.ask(get());
    if (status !== 200 || body !== 'served') t.fail(`answer ${i}: ${status} ${body}`);
    await sleep(5);
  }
  t.pass(`${ASKED} answers beside ${kinds.length * EACH} slow clients`);
  for (const [kind, sockets] of open) {
    // A socket that reads nothing does not notice its end.
    if (kind.takesNothing === true) for (const socket of sockets) socket.resume();
    if (kind.ends) while (sockets.size > 0) await sleep(50);
    t.ok(!kind.ends || sockets.size === 0, `${kind.name}: gone`);
  }
  for (const timer of timers) clearInterval(timer);
  for (const sockets of open.values()) for (const socket of sockets) socket.destroy();
  await using late = await Peer.connect(port);
  t.equal((await late.ask(get())).body, 'served');
});
