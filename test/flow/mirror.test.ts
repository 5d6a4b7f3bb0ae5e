/** Copies of requests for another pool: what they carry, and that nothing of what becomes of them reaches the client. */
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { hashPassword } from '../../src/kernel/password-hash.ts';
import { H2Client } from '../support/h2-client.ts';
import { valuesOf } from '../support/http-message.ts';
import { fieldOf, get, ok, type Peer, RawServer } from '../support/peer.ts';
import { type ListenerInput, onePool, Proxied } from '../support/proxied.ts';

type Routes = NonNullable<FileInput['routes']>;
type Pool = Partial<NonNullable<FileInput['pools']>[string]>;

/** One server behind the route, answered by the test's `main`, one that gets the copies. */
class Mirrored implements AsyncDisposable {
  readonly proxied: Proxied;
  readonly main: RawServer;
  readonly shadow: RawServer;

  private constructor(proxied: Proxied, main: RawServer, shadow: RawServer) {
    this.proxied = proxied;
    this.main = main;
    this.shadow = shadow;
  }

  static async start(
    changes: {
      route?: Partial<Routes[number]>;
      pool?: Pool;
      listener?: ListenerInput;
      file?: Partial<FileInput>;
    } = {},
  ): Promise<Mirrored> {
    const [main, shadow] = await Promise.all([RawServer.open('main'), RawServer.open('shadow')]);
    main.answerAll(({ body }) => ok(`main ${body.length}`));
    const proxied = await Proxied.start({
      ...(changes.listener && { listener: changes.listener }),
      file: {
        routes: [{ name: 'all', pool: 'main', mirror: 'shadow', ...changes.route }],
        pools: {
          main: { servers: [main.address], health: false },
          shadow: { servers: [shadow.address], health: false, ...changes.pool },
        },
        ...changes.file,
      },
    });
    return new Mirrored(proxied, main, shadow);
  }

  client(): Promise<Peer> {
    return this.proxied.client();
  }

  async results(): Promise<Record<string, number>> {
    const text = await this.proxied.daemon.daemon.metrics.render();
    const found = text.matchAll(/^sluice_mirrored_total\{route="all",result="(\w+)"\} (\d+)/gm);
    return Object.fromEntries([...found].map(([, result, value]) => [result ?? '', Number(value)]));
  }

  /** Waits until copies are no longer under way. */
  async over(): Promise<Record<string, number>> {
    const { registry, slots } = this.proxied.daemon.daemon;
    const servers = registry.servers('shadow');
    await this.proxied.daemon.until('copies are over', () =>
      servers.every(({ slot }) => slots.inFlight(slot.slot) === 0),
    );
    return this.results();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.proxied[Symbol.asyncDispose]();
    } finally {
      await Promise.all([this.main[Symbol.asyncDispose](), this.shadow[Symbol.asyncDispose]()]);
    }
  }
}

const post = (body: string, fields = ''): string =>
  `POST /books?x=1 HTTP/1.1\r\nHost: t.example\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;

t.test('a copy has what the request has, and the mark', async (t) => {
  await using mirrored = await Mirrored.start({
    route: {
      rewrite: { add_prefix: '/v1' },
      headers: { request: { set: { 'x-to': '{pool} {server}' }, remove: ['x-secret'] } },
    },
    pool: { upstream: { host: 'next.example' } },
  });
  const client = await mirrored.client();
  client.write(post('hello', 'X-Own: 1\r\nX-Secret: 2\r\n'));
  const peer = await mirrored.shadow.accept();
  const copy = await peer.request();
  peer.write(ok());
  t.equal(copy.start, 'POST /v1/books?x=1 HTTP/1.1');
  t.equal(copy.body.toString(), 'hello');
  t.same(
    ['x-sluice-mirror', 'host', 'x-own', 'x-secret', 'x-to', 'content-length'].map((it) => fieldOf(copy, it)),
    ['1', 'next.example', '1', undefined, `shadow ${mirrored.shadow.address}`, '5'],
  );
  t.equal((await client.answer()).body, 'main 5');
  t.same(await mirrored.over(), { ok: 1 });
});

t.test('requests without a body, in chunks, with trailers', async (t) => {
  await using mirrored = await Mirrored.start();
  const bodies: string[] = [];
  mirrored.shadow.answerAll(({ start, body }) => {
    bodies.push(`${start.split(' ')[0]} ${body}`);
    return 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
  });
  const client = await mirrored.client();
  t.equal((await client.ask(get('/'))).body, 'main 0');
  await mirrored.over();
  const chunked = 'PUT / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n';
  client.write(`${chunked}3\r\none\r\n`);
  client.write('3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n');
  t.equal((await client.answer('PUT')).body, 'main 6');
  t.same(await mirrored.over(), { ok: 2 });
  t.same(bodies, ['GET ', 'PUT onetwo']);
  t.equal(mirrored.shadow.connections, 1, 'the connection is used again');
});

t.test('a body of 64 KiB is copied, a larger one is not; both arrive where they should', async (t) => {
  await using mirrored = await Mirrored.start();
  const lengths: number[] = [];
  mirrored.shadow.answerAll(({ body }) => {
    lengths.push(body.length);
    return ok();
  });
  const client = await mirrored.client();
  for (const length of [65_536, 65_537])
    t.equal((await client.ask(post('x'.repeat(length)))).body, `main ${length}`);
  // One that does not tell how long it is.
  const large = 'y'.repeat(0x9000);
  client.write('POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n');
  client.write(`9000\r\n${large}\r\n9000\r\n${large}\r\n0\r\n\r\n`);
  t.equal((await client.answer('POST')).body, `main ${2 * 0x9000}`);
  t.same(await mirrored.over(), { ok: 1, too_large: 2 });
  t.same(lengths, [65_536]);
});

t.test('a body that was waited for', async (t) => {
  await using mirrored = await Mirrored.start({ route: { buffering: { request: '1MiB' } } });
  const bodies: string[] = [];
  mirrored.shadow.answerAll(({ body }) => {
    bodies.push(body);
    return ok();
  });
  const client = await mirrored.client();
  for (const body of ['hello', 'x'.repeat(70_000)])
    t.equal((await client.ask(post(body))).body, `main ${body.length}`);
  t.same(await mirrored.over(), { ok: 1, too_large: 1 });
  t.same(bodies, ['hello']);
});

t.test('clients over HTTP/2', async (t) => {
  await using mirrored = await Mirrored.start({ listener: { h2c: true } });
  const bodies: string[] = [];
  mirrored.shadow.answerAll(({ body }) => {
    bodies.push(body.toString());
    return ok();
  });
  await using h2 = await H2Client.open(mirrored.proxied.daemon.port());
  t.equal((await h2.ask({ ':path': '/' })).body.toString(), 'main 0');
  t.equal((await h2.ask({ ':path': '/', ':method': 'POST' }, 'hello')).body.toString(), 'main 5');
  t.same(await mirrored.over(), { ok: 2 });
  t.same(bodies.sort(), ['', 'hello']);
});

t.test('copies are not copied, upgrades neither', async (t) => {
  await using mirrored = await Mirrored.start();
  const client = await mirrored.client();
  t.equal((await client.ask(get('/', 'X-Sluice-Mirror: 1\r\n'))).status, 200);
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  await client.ask(get('/', `${upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`));
  t.same(await mirrored.over(), { unfit: 1 });
  t.equal(mirrored.shadow.connections, 0);
});

t.test('a share of them', async (t) => {
  await using mirrored = await Mirrored.start({ route: { mirror: { pool: 'shadow', share: '50%' } } });
  mirrored.shadow.answerAll(() => ok());
  const client = await mirrored.client();
  for (let i = 0; i < 60; i++) await client.ask(get('/'));
  const { ok: copied = 0 } = await mirrored.over();
  t.ok(copied > 5 && copied < 55, `${copied} of 60`);
});

t.test('a pool that says nothing, ends, or speaks nonsense changes nothing for the client', async (t) => {
  await using mirrored = await Mirrored.start({ pool: { outlier_detection: false } });
  const client = await mirrored.client();
  const behaviours: ((peer: Peer) => void)[] = [
    (peer) => peer.reset(),
    (peer) => peer.write('nonsense\r\n\r\n'),
    (peer) => peer.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'),
  ];
  for (const behave of behaviours) {
    client.write(post('hello'));
    t.equal((await client.answer('POST')).body, 'main 5', 'answered before the copy is');
    const peer = await mirrored.shadow.accept();
    await peer.request();
    behave(peer);
    peer.end();
    await mirrored.over();
  }
  t.same(await mirrored.results(), { failed: 3 });
  t.equal(mirrored.shadow.connections, 3, 'none is made again');
});

t.test('nobody listens: the client has its answer, the copy has failed', async (t) => {
  await using mirrored = await Mirrored.start({ pool: { servers: ['127.0.0.1:1'] } });
  const client = await mirrored.client();
  t.equal((await client.ask(get('/'))).body, 'main 0');
  t.same(await mirrored.over(), { failed: 1 });
});

t.test('a pool without servers', async (t) => {
  await using mirrored = await Mirrored.start({ pool: { servers: [] } });
  t.equal((await (await mirrored.client()).ask(get('/'))).status, 200);
  t.same(await mirrored.over(), { no_server: 1 });
});

t.test('a full pool is not waited for, though it has a queue', async (t) => {
  const shadow = await RawServer.open('small');
  await using mirrored = await Mirrored.start({
    pool: { servers: [{ address: shadow.address, max_connections: 1 }], queue: { max: 10, timeout: '5s' } },
  });
  const client = await mirrored.client();
  t.equal((await client.ask(get('/1'))).status, 200);
  const peer = await shadow.accept();
  await peer.request();
  t.equal((await client.ask(get('/2'))).status, 200);
  t.same(await mirrored.results(), { busy: 1 });
  peer.write(ok());
  t.same(await mirrored.over(), { busy: 1, ok: 1 });
  await shadow[Symbol.asyncDispose]();
});

t.test('its breaker and limits hold', async (t) => {
  await using mirrored = await Mirrored.start({ pool: { circuit_breaker: { max_requests: 1 } } });
  const client = await mirrored.client();
  await client.ask(get('/1'));
  const peer = await mirrored.shadow.accept();
  await peer.request();
  t.equal((await client.ask(get('/2'))).status, 200);
  peer.write(ok());
  t.same(await mirrored.over(), { busy: 1, ok: 1 });
});

t.test('no more than a hundred at a time, over a reload too', async (t) => {
  await using mirrored = await Mirrored.start();
  const client = await mirrored.client();
  for (let i = 0; i < 60; i++) await client.ask(get('/'));
  await mirrored.proxied.daemon.reload({
    ...onePool([]),
    routes: [{ name: 'all', pool: 'main', mirror: 'shadow', timeout: '9s' }],
    pools: {
      main: { servers: [mirrored.main.address], health: false },
      shadow: { servers: [mirrored.shadow.address], health: false },
    },
  });
  const next = await mirrored.client();
  for (let i = 0; i < 60; i++) t.equal((await next.ask(get('/'))).status, 200);
  t.same(await mirrored.results(), { busy: 20 });
  const peers = await Promise.all(Array.from({ length: 100 }, () => mirrored.shadow.accept()));
  for (const peer of peers) {
    await peer.request();
    peer.write(ok());
  }
  t.same(await mirrored.over(), { busy: 20, ok: 100 });
});

t.test('the client leaves: what it had sent whole is answered, the rest never goes', async (t) => {
  await using mirrored = await Mirrored.start();
  const client = await mirrored.client();
  await client.ask(post('whole'));
  const peer = await mirrored.shadow.accept();
  await peer.request();
  client.destroy();
  const half = await mirrored.client();
  half.write('POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nhalf');
  const { daemon } = mirrored.proxied;
  await daemon.until('half is at its server', () => daemon.inFlightOf('main', mirrored.main.address) === 1);
  half.destroy();
  peer.write(ok());
  t.same(await mirrored.over(), { ok: 1 });
  t.equal(mirrored.shadow.connections, 1);
});

t.test('an endless answer is read no further than 1 MiB', async (t) => {
  await using mirrored = await Mirrored.start();
  const client = await mirrored.client();
  t.equal((await client.ask(get('/'))).body, 'main 0');
  const peer = await mirrored.shadow.accept();
  await peer.request();
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n');
  peer.write(Buffer.alloc(2_000_000));
  await peer.ended();
  t.same(await mirrored.over(), { ok: 1 });
});

t.test('servers over HTTP/2 get copies too', async (t) => {
  // Another daemon speaks h2c for the pool of the copies; it ends after the one that has a connection to it.
  await using inner = await Proxied.start({ listener: { h2c: true } });
  await using mirrored = await Mirrored.start();
  const { proxied, main, shadow } = mirrored;
  inner.server.answerAll(({ body }) => ok(`inner ${body}`));
  await proxied.daemon.reload({
    ...onePool([shadow]),
    routes: [{ name: 'all', pool: 'main', mirror: 'shadow' }],
    pools: {
      main: { servers: [main.address], health: false },
      shadow: {
        servers: [`127.0.0.1:${inner.daemon.port()}`],
        health: false,
        upstream: { protocol: 'h2c' },
      },
    },
  });
  const client = await mirrored.client();
  t.equal((await client.ask(post('hello'))).body, 'main 5');
  t.same(await mirrored.over(), { ok: 1 });
  t.match(
    await inner.daemon.daemon.metrics.render(),
    /sluice_requests_total\{route="all",status_class="2xx",reason="ok"\} 1/,
  );
});

t.test('fields that its servers believe are taken from clients', async (t) => {
  const hash = await hashPassword('secret', Buffer.alloc(16, 1), { ln: 8, r: 8, p: 1 });
  const auth = { type: 'basic', users: { ann: hash } };
  await using mirrored = await Mirrored.start({
    file: {
      routes: [
        { name: 'staff', match: { path: '/staff' }, pool: 'shadow', auth } as Routes[number],
        { name: 'all', pool: 'main', mirror: 'shadow' },
      ],
    },
  });
  const client = await mirrored.client();
  client.write(get('/', 'X-Auth-User: root\r\n'));
  const peer = await mirrored.shadow.accept();
  const copy = await peer.request();
  peer.write(ok());
  t.same(valuesOf(copy, 'x-auth-user'), []);
  await client.answer();
  const chunked = 'POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n';
  client.write(`${chunked}2\r\nhi\r\n0\r\nX-Auth-User: root\r\nX-Sum: 1\r\n\r\n`);
  t.match((await peer.request()).trailers, /^x-sum: 1(\r\n)?$/i);
  peer.write(ok());
  await client.answer('POST');
  t.same(await mirrored.over(), { ok: 2 });
});
