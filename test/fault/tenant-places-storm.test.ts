/**
 * B53 A tenant's clients end their requests at whatever moment, over both wires, while the configuration is loaded again: afterwards
 * as many may be in flight as the limit says, no fewer (a place that was kept) and no more (one that was given back twice).
 * STORM_SEED repeats a run.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { H2Client, read } from '../support/h2-client.ts';
import { get, Peer } from '../support/peer.ts';
import { keyOf, tenantNamed } from '../support/tenants.ts';

const PLACES = 5;
const CLIENTS = 10;
const REQUESTS = 60;
const RELOADS = 6;
const KEY = `X-API-Key: ${keyOf('acme')}\r\n`;

/** What a server does with a request, by its path. `/hang` gets no answer, `/half` not all of it. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  switch (request.url) {
    case '/reset':
      request.socket.resetAndDestroy();
      break;
    case '/half':
      response.writeHead(200, { 'content-length': '8' }).write('half');
      break;
    case '/hang':
      break;
    default:
      response.end('done');
  }
}
const PATHS = ['/whole', '/reset', '/half', '/hang'] as const;

async function listening(): Promise<Server> {
  const server = createServer(serve);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

/** @param known a daemon whose ports it keeps @param run of the reloads */
function input(server: Server, known?: DaemonFixture, run = 0): FileInput {
  const http = (name: string) => ({ address: '127.0.0.1', port: known?.port(name) ?? 0 });
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    threads: 2,
    listeners: { http: http('http'), h2: { ...http('h2'), h2c: true } },
    routes: [{ name: `run-${run}`, pool: 'web', auth: 'api_key', retry: { attempts: 2 } }],
    pools: { web: { servers: [address], health: false, outlier_detection: false } },
    tenants: { acme: tenantNamed('acme', { concurrency: PLACES }) },
  };
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
};

/** One request over HTTP/1.1, which ends by itself or is left after some turns. */
async function http1(daemon: DaemonFixture, path: string, random: SeededRandom): Promise<void> {
  const peer = await Peer.connect(daemon.port('http'));
  const length = random.below(2) === 0 ? '' : 'Content-Length: 4\r\n';
  peer.write(length === '' ? get(path, KEY) : `${get(path, KEY + length).replace('GET', 'PUT')}da`);
  if (path === '/half' && length === '') await peer.until('half or no', () => peer.unread || undefined);
  await turns(random.below(20));
  if (length !== '') peer.write('ta');
  if (path === '/whole' || path === '/reset') await peer.answer();
  if (random.below(2) === 0) peer.reset();
  await peer[Symbol.asyncDispose]();
}

/** The same over HTTP/2; sometimes all of the connection is cut. @returns a session that is open */
async function http2(
  daemon: DaemonFixture,
  session: H2Client,
  path: string,
  random: SeededRandom,
): Promise<H2Client> {
  const hasBody = random.below(2) === 0;
  const method = hasBody ? 'PUT' : 'GET';
  const stream = session.begin({ ':path': path, ':method': method, 'x-api-key': keyOf('acme') }, hasBody);
  const over = read(stream);
  if (hasBody) stream.write('da');
  await turns(random.below(20));
  if (hasBody && !stream.destroyed && random.below(4) > 0) stream.end('ta');
  if ((path === '/whole' || path === '/reset') && stream.writableEnded) await over;
  if (random.below(8) === 0) {
    await session[Symbol.asyncDispose]();
    return H2Client.open(daemon.port('h2'));
  }
  stream.close(random.below(2) === 0 ? 8 : 0);
  await over;
  return session;
}

t.test('B53 the count is right after whatever ends', async (t) => {
  const seed = Number(process.env['STORM_SEED'] ?? randomInt(1_000_000));
  t.comment(`STORM_SEED=${seed}`);
  const server = await listening();
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await using daemon = await DaemonFixture.start(input(server));
  const taken = (): number => daemon.daemon.limits.places.stats().taken;
  const storm = Array.from({ length: CLIENTS }, async (_, client) => {
    const random = new SeededRandom(seed + client);
    let session = await H2Client.open(daemon.port('h2'));
    for (let i = 0; i < REQUESTS; i++) {
      const path = PATHS[random.below(PATHS.length)] as string;
      if (client % 2 === 0) await http1(daemon, path, random);
      else session = await http2(daemon, session, path, random);
    }
    await session[Symbol.asyncDispose]();
  });
  const reloads = (async () => {
    for (let run = 1; run <= RELOADS; run++) await daemon.reload(input(server, daemon, run));
  })();
  await Promise.all([...storm, reloads]);
  await daemon.until(`${taken()} places are kept`, () => taken() === 0);

  const staying: Peer[] = [];
  for (let i = 1; i <= PLACES; i++) {
    const peer = await Peer.connect(daemon.port('http'));
    peer.write(get('/hang', KEY));
    staying.push(peer);
    await daemon.until(`place ${i}`, () => taken() === i);
  }
  await using h2 = await H2Client.open(daemon.port('h2'));
  for (let i = 0; i < 4; i++) {
    const { status } = await h2.ask({ ':path': '/whole', 'x-api-key': keyOf('acme') });
    t.equal(status, 429, 'there are no more places than that');
  }
  for (const peer of staying) await peer[Symbol.asyncDispose]();
  await daemon.until('all places are free', () => taken() === 0);
});
