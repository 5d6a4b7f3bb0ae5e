/** B53 The place that a request has of its tenant's `concurrency` is given back, once, however the request ends. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { H2Client, read } from '../support/h2-client.ts';
import { get, ok, Peer, RawServer } from '../support/peer.ts';
import { keyOf, tenantNamed } from '../support/tenants.ts';

const KEY = `X-API-Key: ${keyOf('acme')}\r\n`;
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
/** A thread that dies within 2 s of its start is replaced a second later. */
const REPLACED_WITHIN_MS = 10_000;
const CLOSE = 'Connection: close\r\n';

const upload = (path: string, framing: string): string =>
  `PUT ${path} HTTP/1.1\r\nHost: t.example\r\n${KEY}${framing}\r\n\r\n`;
const chunked = (path: string): string => upload(path, 'Transfer-Encoding: chunked');
const ofAcme = (path: string, more: object = {}) => ({
  ':path': path,
  'x-api-key': keyOf('acme'),
  ...more,
});

/** Of another tenant, which has no limit. */
const OTHER = `X-API-Key: ${keyOf('other')}\r\n`;

/** Two servers, a service that is asked who it is, a daemon with two threads, and clients. */
class Scene implements AsyncDisposable {
  readonly daemon: DaemonFixture;
  readonly h2: H2Client;
  readonly #servers: readonly RawServer[];
  readonly #clients: Peer[] = [];

  private constructor(daemon: DaemonFixture, h2: H2Client, servers: readonly RawServer[]) {
    this.daemon = daemon;
    this.h2 = h2;
    this.#servers = servers;
  }

  static async start(): Promise<Scene> {
    const servers = await Promise.all(['a', 'b', 'auth'].map((name) => RawServer.open(name)));
    const daemon = await DaemonFixture.start(input(servers));
    return new Scene(daemon, await H2Client.open(daemon.port('h2')), servers);
  }

  get taken(): number {
    return this.daemon.daemon.limits.places.stats().taken;
  }
  async reload(concurrency: number | undefined): Promise<void> {
    await this.daemon.reload(input(this.#servers, concurrency, this.daemon));
  }
  async client(): Promise<Peer> {
    const client = await Peer.connect(this.daemon.port('http'));
    this.#clients.push(client);
    return client;
  }
  accept(index = 0): Promise<Peer> {
    return (this.#servers[index] as RawServer).accept();
  }
  /** The service that is asked who a request is of, with the question read. */
  async asked(): Promise<Peer> {
    const service = await this.accept(2);
    await service.request();
    return service;
  }
  /** A client that sent this, and the server that has it. */
  async sent(text: string): Promise<[client: Peer, server: Peer]> {
    const client = await this.client();
    client.write(text);
    const server = await this.accept();
    await server.requestHead();
    return [client, server];
  }
  /** What others of the tenant are told, by another route and over both wires. */
  async others(): Promise<string[]> {
    const client = await this.client();
    const answers = [await client.ask(get('/other', KEY)), await this.h2.ask(ofAcme('/other'))];
    client.destroy();
    return answers.map(({ status, body }) => (status === 200 ? '200' : JSON.parse(`${body}`).code));
  }
  async isFree(t: Test, way: string): Promise<void> {
    await this.daemon.until(`${way}: the place is free`, () => this.taken === 0);
    t.same(await this.others(), ['200', '200'], `${way}: there is room again`);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [...this.#clients, this.h2]) await each[Symbol.asyncDispose]();
    try {
      await this.daemon[Symbol.asyncDispose]();
    } finally {
      for (const server of this.#servers) await server[Symbol.asyncDispose]();
    }
  }
}

/** @param known a daemon whose ports it keeps */
function input(
  servers: readonly RawServer[],
  concurrency: number | undefined = 1,
  known?: DaemonFixture,
): FileInput {
  const [a, b, auth] = servers.map(({ address }) => address) as [string, string, string];
  const http = (name: string) => ({ address: '127.0.0.1', port: known?.port(name) ?? 0 });
  const own = { auth: 'api_key', pool: 'web' } as const;
  const pool = { algorithm: 'first', health: false, outlier_detection: false } as const;
  return {
    threads: 2,
    listeners: { http: http('http'), h2: { ...http('h2'), h2c: true } },
    routes: [
      { name: 'other', match: { path: '/other' }, respond: 200, auth: 'api_key' },
      { name: 'late', match: { path: '/late' }, ...own, timeout: '50ms' },
      { name: 'kept', match: { path: '/kept' }, ...own, buffering: true },
      { name: 'paced', match: { path: '/paced' }, ...own, bandwidth: '1MiB/s' },
      { name: 'hedged', match: { path: '/hedged' }, ...own, pool: 'hedged' },
      { name: 'full', match: { path: '/full' }, ...own, pool: 'full' },
      {
        name: 'asked',
        match: { path: '/asked' },
        ...own,
        auth: { type: 'forward', url: `http://${auth}/`, timeout: '10s' },
      },
      { name: 'all', ...own },
    ],
    pools: {
      web: { ...pool, servers: [a, b] },
      hedged: { ...pool, servers: [a, b], hedge: '1ms' },
      full: { ...pool, servers: [{ address: a, max_connections: 1 }], queue: { max: 5, timeout: '10s' } },
    },
    tenants: {
      acme: tenantNamed('acme', concurrency > 0 ? { concurrency } : {}),
      other: tenantNamed('other'),
    },
  };
}

/** Begins a request that stays; @returns what ends it */
type Way = (scene: Scene) => Promise<() => unknown>;

const WAYS: Readonly<Record<string, Way>> = {
  'an answer': async (scene) => {
    const [client, server] = await scene.sent(get('/', KEY));
    return async () => {
      server.write(ok('done', CLOSE));
      return client.answer();
    };
  },
  'an answer over HTTP/2': async (scene) => {
    const asked = scene.h2.ask(ofAcme('/'));
    const server = await scene.accept();
    await server.request();
    return async () => {
      server.write(ok('done', CLOSE));
      return asked;
    };
  },
  'a client that goes': async (scene) => {
    const [client] = await scene.sent(get('/', KEY));
    return () => client.destroy();
  },
  'a client that resets in the midst of its body': async (scene) => {
    const [client] = await scene.sent(`${chunked('/')}3\r\nabc\r\n`);
    return () => client.reset();
  },
  'a client that resets in the midst of the answer': async (scene) => {
    const [client, server] = await scene.sent(get('/paced', KEY));
    server.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    await client.sees('half');
    return () => client.reset();
  },
  'a body that breaks its framing': async (scene) => {
    const [client] = await scene.sent(`${chunked('/')}3\r\nabc\r\n`);
    return () => client.write('nonsense\r\n');
  },
  'a client that goes while its body is kept': async (scene) => {
    const client = await scene.client();
    client.write(`${upload('/kept', 'Content-Length: 9\r\nExpect: 100-continue')}`);
    await client.sees('100 Continue');
    return () => client.destroy();
  },
  RST_STREAM: async (scene) => {
    const stream = scene.h2.begin(ofAcme('/'));
    await (await scene.accept()).request();
    return () => stream.close(8);
  },
  'RST_STREAM in the midst of the body': async (scene) => {
    const stream = scene.h2.begin(ofAcme('/', { ':method': 'PUT' }), true);
    stream.write('abc');
    await (await scene.accept()).requestHead();
    return () => stream.close(8);
  },
  'RST_STREAM in the midst of the answer': async (scene) => {
    const stream = scene.h2.begin(ofAcme('/'));
    const server = await scene.accept();
    await server.request();
    server.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    await once(stream, 'data');
    return () => stream.close(8);
  },
  'an HTTP/2 connection that is cut': async (scene) => {
    const own = await H2Client.open(scene.daemon.port('h2'));
    own.begin(ofAcme('/'));
    await (await scene.accept()).request();
    return () => own[Symbol.asyncDispose]();
  },
  'a server that resets what may not be repeated': async (scene) => {
    const [client, server] = await scene.sent(get('/', KEY).replace('GET', 'POST'));
    return async () => {
      server.reset();
      return client.answer();
    };
  },
  'a repeat on another server': async (scene) => {
    const [client, server] = await scene.sent(get('/', KEY));
    server.reset();
    const other = await scene.accept(1);
    await other.request();
    return async () => {
      other.write(ok('saved', CLOSE));
      return client.answer();
    };
  },
  'a hedge: two attempts are one request': async (scene) => {
    const [client, slow] = await scene.sent(get('/hedged', KEY));
    const server = await scene.accept(1);
    await server.request();
    return async () => {
      server.write(ok('the hedge', CLOSE));
      await client.answer();
      await slow.ended();
    };
  },
  'a client that goes while a server is waited for': async (scene) => {
    const [busy, server] = await scene.sent(get('/full', OTHER));
    const client = await scene.client();
    client.write(get('/full', KEY));
    await scene.daemon.until('it waits', () => scene.taken === 1);
    return async () => {
      client.destroy();
      await scene.daemon.until('it waits no more', () => scene.taken === 0);
      server.write(ok('', CLOSE));
      await busy.answer();
    };
  },
  'a tunnel': async (scene) => {
    const [client, server] = await scene.sent(get('/chat', KEY + UPGRADE));
    server.write(SWITCHED);
    await client.answer();
    return () => {
      client.end();
      server.end();
    };
  },
  'a tunnel that was refused': async (scene) => {
    const [client, server] = await scene.sent(get('/chat', KEY + UPGRADE));
    return async () => {
      server.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return client.answer();
    };
  },
  'a tunnel over HTTP/2 that is reset': async (scene) => {
    if (scene.h2.session.remoteSettings.enableConnectProtocol !== true)
      await once(scene.h2.session, 'remoteSettings');
    const stream = scene.h2.begin(
      ofAcme('/chat', { ':method': 'CONNECT', ':protocol': 'websocket', 'sec-websocket-version': '13' }),
      true,
    );
    const server = await scene.accept();
    const { fields } = await server.request();
    const sent = fields.find(([name]) => name.toLowerCase() === 'sec-websocket-key')?.[1] ?? '';
    server.write(SWITCHED.replace('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=', acceptOf(sent)));
    await once(stream, 'response');
    return () => stream.close(8);
  },
};

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

t.test('B53 each way out gives the place back', async (t) => {
  await using scene = await Scene.start();
  const refused = Array(2).fill('limited_tenant_concurrency');
  for (const [way, begin] of Object.entries(WAYS)) {
    const end = await begin(scene);
    t.equal(scene.taken, 1, `${way}: one place`);
    t.same(await scene.others(), refused, `${way}: it is the only one`);
    t.equal(scene.taken, 1, `${way}: whom is refused holds none`);
    await end();
    await scene.isFree(t, way);
  }
});

t.test('a timeout', async (t) => {
  await using scene = await Scene.start();
  const client = await scene.client();
  t.equal((await client.ask(get('/late', KEY))).status, 504);
  await scene.isFree(t, 'a timeout');
});

t.test('B53 who has gone while it was asked who it is takes no place', async (t) => {
  await using scene = await Scene.start();
  const known = `HTTP/1.1 200 OK\r\nX-Auth-Tenant: acme\r\nContent-Length: 0\r\n${CLOSE}\r\n`;
  const gone = (): number =>
    readFileSync(join(scene.daemon.folder, 'access.log'), 'utf8').split('"client_abort"').length - 1;
  for (const leaves of [true, false]) {
    const client = await scene.client();
    client.write(get('/asked'));
    const service = await scene.asked();
    const stream = scene.h2.begin({ ':path': '/asked' });
    const second = await scene.asked();
    t.equal(scene.taken, 0, 'nobody is known yet');
    if (leaves) {
      client.reset();
      stream.close(8);
      await scene.daemon.until('both have gone', () => gone() === 2);
      for (const each of [service, second]) each.write(known);
    } else {
      service.write(known);
      const server = await scene.accept();
      await server.request();
      second.write(known);
      const { status, body } = await read(stream);
      t.equal(status, 429);
      t.equal(JSON.parse(`${body}`).code, 'limited_tenant_concurrency');
      server.write(ok('one', CLOSE));
      t.equal((await client.answer()).status, 200);
    }
    await scene.isFree(t, leaves ? 'gone' : 'answered');
  }
});

t.test('B53 a reload that changes the limit goes on with what is in flight', async (t) => {
  await using scene = await Scene.start();
  const [first, server] = await scene.sent(get('/', KEY));
  await scene.reload(2);
  t.same(await scene.others(), ['200', '200'], 'there is a second place');
  const [second, other] = await scene.sent(get('/', KEY));
  t.same(await scene.others(), Array(2).fill('limited_tenant_concurrency'));
  await scene.reload(0);
  t.same(await scene.others(), ['200', '200'], 'no limit');
  await scene.reload(1);
  t.same(await scene.others(), Array(2).fill('limited_tenant_concurrency'));
  server.write(ok('', CLOSE));
  await first.answer();
  await scene.daemon.until('one is over', () => scene.taken === 1);
  t.same(await scene.others(), Array(2).fill('limited_tenant_concurrency'));
  other.write(ok('', CLOSE));
  await second.answer();
  await scene.isFree(t, 'both');
});

t.test('B64 a data thread that dies gives back what its requests held', async (t) => {
  await using scene = await Scene.start();
  const { daemon } = scene.daemon;
  const [client] = await scene.sent(get('/', KEY));
  for (const thread of [0, 1]) {
    const gone = daemon.events.once('thread_exit');
    const heir = daemon.events.once('thread_start', () => true, REPLACED_WITHIN_MS);
    await daemon.killThread(thread);
    await gone;
    await heir;
  }
  t.equal(scene.taken, 0);
  await client.ended();
});
