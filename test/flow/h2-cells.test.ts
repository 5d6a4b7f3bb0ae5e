/** B18: what a proxy must keep of HTTP, with HTTP/2 towards the servers: from clients of HTTP/1.1 and of HTTP/2. */
import { once } from 'node:events';
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { H2Client } from '../support/h2-client.ts';
import { fieldOf, Peer } from '../support/peer.ts';
import { type Changes, onePool } from '../support/proxied.ts';

interface SeenRequest {
  readonly headers: IncomingHttpHeaders;
  readonly raw: readonly string[];
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
}

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: string[]) => void;

/** A server of node:http2 without TLS, whose answers the test makes. */
class H2Server implements AsyncDisposable {
  readonly #server: Http2Server;
  readonly #onStream: OnStream;

  private constructor(onStream: OnStream) {
    this.#onStream = onStream;
    this.#server = createServer({ settings: { enableConnectProtocol: false } });
    this.#server.on('stream', (stream: ServerHttp2Stream, headers, _flags, raw: string[]) => {
      stream.on('error', () => {});
      this.#onStream(stream, headers, raw);
    });
  }

  static async open(onStream: OnStream): Promise<H2Server> {
    const server = new H2Server(onStream);
    await once(server.#server.listen(0, '127.0.0.1'), 'listening');
    return server;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** The whole request. */
async function whole(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  raw: string[],
): Promise<SeenRequest> {
  let trailers: IncomingHttpHeaders = {};
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { headers, raw, body: Buffer.concat(chunks), trailers };
}

async function start(
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: string[]) => void,
  changes: Changes = {},
): Promise<AsyncDisposable & { port: number }> {
  const server = await H2Server.open(onStream);
  const daemon = await DaemonFixture.start(
    onePool([], {
      ...changes,
      listener: { h2c: true, ...changes.listener },
      pool: { servers: [server.address], upstream: { protocol: 'h2c', host: 'preserve' }, ...changes.pool },
    }),
  );
  return {
    port: daemon.port(),
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly fields?: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly trailers?: readonly (readonly [string, string])[];
}
interface Got {
  readonly status: number;
  readonly field: (name: string) => string | undefined;
  readonly body: string;
  readonly trailers: string;
}

async function overHttp1(port: number, asked: Asked): Promise<Got> {
  const { method = 'GET', path = '/', fields = [], body, trailers = [] } = asked;
  await using client = await Peer.connect(port);
  let text = `${method} ${path} HTTP/1.1\r\nHost: t.example\r\nTE: trailers\r\nConnection: TE\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  if (body !== undefined) {
    const tail = trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    text += `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n${tail}\r\n`;
  } else text += '\r\n';
  client.write(text);
  const answer = await client.answer(method);
  return {
    status: answer.status,
    field: (name) => fieldOf(answer, name),
    body: answer.body,
    trailers: answer.trailers,
  };
}

async function overHttp2(port: number, asked: Asked): Promise<Got> {
  const { method = 'GET', path = '/', fields = [], body, trailers = [] } = asked;
  await using client = await H2Client.open(port);
  const answer = await client.ask(
    {
      ':method': method,
      ':path': path,
      ':authority': 't.example',
      te: 'trailers',
      ...Object.fromEntries(fields),
    },
    body,
    Object.fromEntries(trailers),
  );
  return {
    status: answer.status,
    field: (name) => {
      const value = answer.headers[name];
      return value === undefined ? undefined : String(value);
    },
    body: answer.body.toString(),
    trailers: Object.entries(answer.trailers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join(''),
  };
}

type Ask = (port: number, asked: Asked) => Promise<Got>;

/** From both kinds of clients. */
function cells(name: string, body: (t: Test, ask: Ask) => Promise<void>): void {
  void t.test(`B18: ${name}, h1 to h2`, (t) => body(t, overHttp1));
  void t.test(`B18: ${name}, h2 to h2`, (t) => body(t, overHttp2));
}

cells('B12 B14 B17: line, Host and fields', async (t, ask) => {
  const seen: SeenRequest[] = [];
  await using setting = await start(async (stream, headers, raw) => {
    seen.push(await whole(stream, headers, raw));
    stream.respond({ ':status': 201, 'x-answer': 'a', 'set-cookie': ['a=1', 'b=2'] });
    stream.end('made');
  });
  const got = await ask(setting.port, {
    path: '/a%20b?c=d&e',
    fields: [
      ['x-mine', 'yes'],
      ['cookie', 'c=1; d=2'],
    ],
  });
  t.equal(got.status, 201);
  t.equal(got.body, 'made');
  t.equal(got.field('x-answer'), 'a');
  const { headers } = seen[0] as SeenRequest;
  t.match(headers, {
    ':method': 'GET',
    ':path': '/a%20b?c=d&e',
    ':scheme': 'http',
    ':authority': 't.example',
    'x-mine': 'yes',
    cookie: 'c=1; d=2',
    te: 'trailers',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
  });
  t.ok(headers['x-request-id']);
  t.equal(headers.host, undefined, ':authority says it');
});

cells('B7: bodies and trailers, both ways', async (t, ask) => {
  const seen: SeenRequest[] = [];
  await using setting = await start(async (stream, headers, raw) => {
    seen.push(await whole(stream, headers, raw));
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'out' }));
    stream.end('answered');
  });
  const got = await ask(setting.port, { method: 'POST', body: 'hello', trailers: [['x-check', 'in']] });
  t.equal(got.body, 'answered');
  t.equal(got.trailers, 'x-sum: out\r\n');
  t.equal(seen[0]?.body.toString(), 'hello');
  t.equal(seen[0]?.trailers['x-check'], 'in');
  t.equal(seen[0]?.headers['transfer-encoding'], undefined);
});

cells('B8 B9 B11: interim answers, and answers without a body', async (t, ask) => {
  await using setting = await start((stream, headers) => {
    if (headers[':path'] === '/hints')
      stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' });
    const status = Number(/^\/(\d+)$/.exec(headers[':path'] ?? '')?.[1] ?? 200);
    stream.respond(
      { ':status': status, ...(headers[':method'] === 'HEAD' ? { 'content-length': 17 } : {}) },
      { endStream: status !== 200 || headers[':method'] === 'HEAD' },
    );
    if (status === 200 && headers[':method'] !== 'HEAD') stream.end('body');
  });
  t.equal((await ask(setting.port, { path: '/204' })).status, 204);
  t.equal((await ask(setting.port, { path: '/304' })).status, 304);
  t.match(await ask(setting.port, { path: '/404' }), { status: 404, body: '' });
  const head = await ask(setting.port, { method: 'HEAD' });
  t.equal(head.field('content-length'), '17');
  t.equal(head.body, '');
  t.equal((await ask(setting.port, { path: '/hints' })).body, 'body');
});

cells('B1: a large body comes back as it went', async (t, ask) => {
  await using setting = await start((stream) => {
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  const body = 'sluice!\n'.repeat(400_000);
  const got = await ask(setting.port, { method: 'POST', body });
  t.equal(got.body.length, body.length);
  t.ok(got.body === body);
});

t.test('a WebSocket cannot go to servers of HTTP/2: 501 says why', async (t) => {
  await using setting = await start((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  await using client = await Peer.connect(setting.port);
  const answer = await client.ask(
    'GET / HTTP/1.1\r\nHost: t.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  t.equal(answer.status, 501);
  t.match(JSON.parse(answer.body), { code: 'not_implemented', detail: /WebSocket.*HTTP\/2/ });
});

t.test('a login of the connection cannot either', async (t) => {
  await using setting = await start((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  await using client = await Peer.connect(setting.port);
  const answer = await client.ask('GET / HTTP/1.1\r\nHost: t.example\r\nAuthorization: NTLM abc\r\n\r\n');
  t.equal(answer.status, 501);
});
