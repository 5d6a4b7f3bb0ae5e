/**
 * Servers of HTTP/2 that refuse, reset, leave, say nothing and answer nonsense by turns, clients that leave at any moment, hedges,
 * timeouts, a queue, caps and reloads, all at once. What it comes to is nobody's business here; but when all is over nothing may be
 * in flight, in no slot, and no stream and no connection may be left.
 */
import { once } from 'node:events';
import { constants } from 'node:http2';
import t from 'tap';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { type Random, SeededRandom } from '../../src/kernel/random.ts';
import { FrameServed } from '../support/frame-served.ts';
import { H2Client } from '../support/h2-client.ts';
import type { FrameLink } from '../support/h2-frame-server.ts';
import { block, CODE, END_HEADERS, END_STREAM, type Field, frame, TYPE } from '../support/h2-frames.ts';
import { onePool } from '../support/proxied.ts';

const REQUESTS = 400;
const AT_ONCE = 25;
const HEAD: readonly Field[] = [[':status', '200']];
const FAILED: readonly Field[] = [[':status', '503']];

type Manner = (link: FrameLink, stream: number) => void;

/** What servers do with a request; those above more often. */
const MANNERS: Readonly<Record<string, Manner>> = {
  answers: (link, stream) => link.answer(stream, 'fine'),
  'answers late': (link, stream) => void setTimeout(() => link.answer(stream, 'late'), 60),
  'answers with trailers': (link, stream) => {
    link.head(stream, HEAD);
    link.data(stream, 'x');
    link.send(frame(TYPE.headers, END_HEADERS | END_STREAM, stream, block([['x-end', '1']])));
  },
  'is silent': () => {},
  'is silent in the midst': (link, stream) => {
    link.head(stream, HEAD);
    link.data(stream, 'half');
    // Whoever left by FIN while its body was held back is noticed by what its server does, or after its 60 s of silence.
    setTimeout(() => link.reset(stream, CODE.cancel), 900);
  },
  'sends much': (link, stream) => {
    link.head(stream, HEAD);
    for (let i = 0; i < 4; i++) link.data(stream, Buffer.alloc(16_384, 'm'), i === 3);
  },
  fails: (link, stream) => link.head(stream, FAILED, true),
  refuses: (link, stream) => link.reset(stream, CODE.refusedStream),
  resets: (link, stream) => link.reset(stream, CODE.internal),
  'resets without an error': (link, stream) => {
    link.head(stream, HEAD);
    link.reset(stream, CODE.none);
  },
  'says too much': (link, stream) => {
    link.head(stream, [...HEAD, ['content-length', '2']]);
    link.data(stream, 'too much', true);
  },
  'leaves it out': (link, stream) => link.goaway(Math.max(0, stream - 2), CODE.none),
  'leaves after it': (link, stream) => {
    link.goaway(stream, CODE.none);
    setTimeout(() => link.answer(stream, 'last'), 20);
  },
  'leaves in anger': (link) => link.goaway(0, CODE.calm),
  breaks: (link) => link.socket.destroy(),
  'takes nothing for a while': (link, stream) => {
    link.announce(0);
    link.reset(stream, CODE.refusedStream);
    setTimeout(() => link.announce(4), 50);
  },
  'takes few': (link, stream) => {
    link.announce(1);
    link.answer(stream, 'few');
  },
  'breaks the rules': (link) => link.data(0, 'of no stream'),
};

function ownManner(random: Random): Manner {
  const all = Object.values(MANNERS);
  return all[Math.min(random.below(all.length), random.below(all.length))] as Manner;
}

const file = (setting: { readonly addresses: readonly string[]; readonly hedge: string }) => ({
  algorithm: 'least_connections' as const,
  servers: setting.addresses.map((address) => ({ address, max_connections: 8 })),
  upstream: { protocol: 'h2c' as const, connect_timeout: '150ms', first_byte_timeout: '300ms' },
  retry: {
    attempts: 3,
    per_attempt_timeout: '120ms',
    budget: '100%',
    when: ['connect_error' as const, 'reset' as const, 'timeout' as const, 503],
  },
  hedge: setting.hedge,
  queue: { max: 10, timeout: '200ms' },
  circuit_breaker: { consecutive_errors: 0, failure_rate: '100%', min_requests: 10_000, max_requests: 60 },
  outlier_detection: false as const,
});

/** One request, which its client may leave at any time. @param client of HTTP/2; HTTP/1.1 has one for each request */
async function ask(setting: FrameServed, client: H2Client, random: Random): Promise<void> {
  const method = random.below(3) === 0 ? 'POST' : 'GET';
  const body = method === 'POST' ? Buffer.alloc(random.below(2) === 0 ? 10 : 100_000, 'b') : undefined;
  // Half an answer is waited for longer than a test should take.
  const leavesMs = random.below(3) === 0 ? random.below(150) : 800;
  if (random.below(2) === 0) {
    const stream = client.begin({ ':path': '/', ':method': method }, body !== undefined);
    stream.on('wantTrailers', () => stream.sendTrailers({}));
    stream.resume();
    const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
    if (body !== undefined) stream.end(body);
    const leaving = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), leavesMs);
    await closed;
    clearTimeout(leaving);
    return;
  }
  const peer = await setting.client();
  const ended = once(peer.socket, 'close').catch(() => {});
  const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`;
  peer.write(`${method} / HTTP/1.1\r\nHost: t.example\r\nConnection: close\r\n${length}\r\n`);
  if (body !== undefined) peer.write(body);
  peer.socket.once('end', () => peer.destroy());
  const leaving = setTimeout(() => (random.below(2) === 0 ? peer.reset() : peer.destroy()), leavesMs);
  await ended;
  clearTimeout(leaving);
}

/** The gauges of the pool that must be 0 when nothing is under way. */
async function leftOver({ daemon }: FrameServed): Promise<string[]> {
  const text = await daemon.daemon.metrics.render();
  const levels =
    /^sluice_(?:pool_http2_streams|pool_queue_waiting|server_in_flight|pool_requests)\{[^}]*\} .*$/gm;
  return [...text.matchAll(levels)].map(([line]) => line).filter((line) => !line.endsWith(' 0'));
}

async function connections({ daemon }: FrameServed): Promise<number> {
  const text = await daemon.daemon.metrics.render();
  return Number(/^sluice_pool_http2_connections\{pool="web"\} (\d+)$/m.exec(text)?.[1]);
}

t.test('nothing is left in flight, and no connection, whatever happens', async (t) => {
  const seed = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  t.comment(`seed ${seed}`);
  const random = new SeededRandom(seed);
  await using setting = await FrameServed.start({}, 3, { listener: { h2c: true } });
  const addresses = setting.servers.map((it) => it.address);
  const listener = { h2c: true, limits: { body_timeout: '2s' } };
  const put = (pool: ReturnType<typeof file>) => setting.daemon.reload(onePool([], { listener, pool }));
  await put(file({ addresses, hedge: '15ms' }));
  for (const server of setting.servers) server.onRequest = (link, stream) => ownManner(random)(link, stream);
  await using client = await H2Client.open(setting.daemon.port());

  let left = REQUESTS;
  const one = async (): Promise<void> => {
    while (left-- > 0) await ask(setting, client, random);
  };
  const clients = Array.from({ length: AT_ONCE }, one);
  // A server leaves and comes back, and the hedge changes, while all that goes on.
  for (const [servers, hedge] of [
    [addresses.slice(1), '5ms'],
    [addresses, '40ms'],
    [addresses.slice(0, 2), '10ms'],
    [addresses, '15ms'],
  ] as const) {
    await delay(systemClock, 150);
    await put(file({ addresses: servers, hedge }));
  }
  await Promise.all(clients);
  // The connection of the client of HTTP/2 is one.
  await setting.daemon.until('all slots are empty', () => setting.daemon.inFlight() === 1);
  t.same(await leftOver(setting), []);

  for (const server of setting.servers) {
    server.onRequest = (link, stream) => link.answer(stream, 'well');
    for (const link of server.links) link.announce(100);
  }
  for (let i = 0; i < 10; i++) t.equal((await client.ask({ ':path': '/' })).status, 200, 'it works');
  for (const server of setting.servers) for (const link of server.links) link.socket.destroy();
  let open = await connections(setting);
  await setting.daemon.until(`${open} connections are left`, () => {
    void connections(setting).then((now) => {
      open = now;
    });
    return open === 0;
  });
  t.same(await leftOver(setting), []);
});
