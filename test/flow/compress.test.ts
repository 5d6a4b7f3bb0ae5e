/** Answers that are compressed on their way, over all wires: the same bytes, in time, and nothing left behind. */
import { randomBytes } from 'node:crypto';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import t from 'tap';
import { H2Client } from '../support/h2-client.ts';
import { type Answer, fieldOf, get, ok, type Peer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';
import { HTTP1_WIRES, overWires, type Wire } from '../support/wires.ts';

const UNPACK = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;
const CODINGS = ['gzip', 'br', 'zstd'] as const;
const TYPE = 'Content-Type: text/html\r\n';
const routes = [{ name: 'all', pool: 'web', compress: true }];

/** Half of it repeats, half of it does not. */
function bodyOf(size: number): string {
  let text = '';
  while (text.length < size)
    text += `<p>${text.length} ${randomBytes(20).toString('hex')}</p> and so on and on\n`;
  return text.slice(0, size);
}

function plain(answer: { body: string | Buffer }, coding: keyof typeof UNPACK): string {
  const { body } = answer;
  return UNPACK[coding](typeof body === 'string' ? Buffer.from(body, 'latin1') : body).toString('latin1');
}

const start = (wire: Wire): Promise<Proxied> => wire.start({ file: { routes } });

overWires(t)('the bytes of the server, in each coding', async (t, wire) => {
  await using proxied = await start(wire);
  let body = '';
  let isChunked = false;
  const chunked = (): string =>
    `HTTP/1.1 200 OK\r\n${TYPE}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  proxied.server.answerAll(() => (isChunked ? chunked() : ok(body, `${TYPE}ETag: "1"\r\n`)));
  for (const size of [1024, 100_000, 1_000_000]) {
    body = bodyOf(size);
    for (const coding of CODINGS) {
      const client = await proxied.client();
      for (isChunked of [false, true]) {
        const answer = await client.ask(get('/', `Accept-Encoding: ${coding}\r\n`));
        const what = `${coding} ${size} ${isChunked ? 'chunked' : ''}`;
        t.equal(fieldOf(answer, 'content-encoding'), coding, what);
        t.equal(fieldOf(answer, 'vary'), 'Accept-Encoding');
        t.equal(fieldOf(answer, 'content-length'), undefined);
        t.equal(fieldOf(answer, 'etag'), isChunked ? undefined : 'W/"1"');
        t.ok(answer.body.length < size * 0.9, `${what}: ${answer.body.length}`);
        t.ok(plain(answer, coding) === body, `${what}: the same`);
      }
      client.destroy();
    }
  }
});

t.test('over HTTP/2, many at once', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true }, file: { routes } });
  const body = bodyOf(400_000);
  proxied.server.answerAll(() => ok(body, TYPE));
  await using client = await H2Client.open(proxied.daemon.port());
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      client.ask({ ':path': `/${i}`, 'accept-encoding': CODINGS[i % 3] as string }),
    ),
  );
  for (const [i, answer] of answers.entries()) {
    const coding = CODINGS[i % 3] as keyof typeof UNPACK;
    t.equal(answer.headers['content-encoding'], coding);
    t.ok(plain(answer, coding) === body);
  }
});

overWires(t)('what is left as it is', async (t, wire) => {
  await using proxied = await start(wire);
  const body = bodyOf(2000);
  const gzip = 'Accept-Encoding: gzip\r\n';
  const client = await proxied.client();
  let fields = TYPE;
  let status = '200 OK';
  proxied.server.answerAll(
    (request) =>
      `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${body.length}\r\n\r\n${request.start.startsWith('HEAD') ? '' : body}`,
  );
  const unchanged = async (what: string, request: string): Promise<Answer> => {
    const answer = await client.ask(request);
    t.equal(fieldOf(answer, 'content-length'), `${body.length}`, what);
    if (!request.startsWith('HEAD')) t.ok(answer.body === body, what);
    return answer;
  };
  t.equal(fieldOf(await unchanged('for others', get('/')), 'vary'), 'Accept-Encoding');
  const forHead = await unchanged('HEAD', get('/').replace('GET', 'HEAD'));
  t.equal(fieldOf(forHead, 'vary'), 'Accept-Encoding', 'as GET');
  fields = `${TYPE}Content-Encoding: br\r\n`;
  t.equal(fieldOf(await unchanged('coded already', get('/', gzip)), 'content-encoding'), 'br');
  fields = `${TYPE}Cache-Control: no-transform\r\n`;
  await unchanged('no-transform', get('/', gzip));
  fields = 'Content-Type: image/png\r\n';
  await unchanged('a picture', get('/', gzip));
  fields = `${TYPE}Content-Range: bytes 0-1999/5000\r\n`;
  status = '206 Partial Content';
  await unchanged('a part', get('/', `${gzip}Range: bytes=0-1999\r\n`));
});

overWires(t)('HEAD is told what GET is told', async (t, wire) => {
  await using proxied = await start(wire);
  const body = bodyOf(2000);
  proxied.server.answerAll((request) =>
    request.start.startsWith('HEAD')
      ? `HTTP/1.1 200 OK\r\n${TYPE}ETag: "1"\r\nContent-Length: ${body.length}\r\n\r\n`
      : ok(body, `${TYPE}ETag: "1"\r\n`),
  );
  const client = await proxied.client();
  const names = ['content-encoding', 'vary', 'etag', 'content-length', 'content-type'];
  const told: unknown[] = [];
  for (const method of ['GET', 'HEAD']) {
    const answer = await client.ask(get('/', 'Accept-Encoding: gzip\r\n').replace('GET', method));
    told.push(names.map((name) => fieldOf(answer, name)));
    t.equal(answer.body === '', method === 'HEAD');
  }
  t.same(told[0], ['gzip', 'Accept-Encoding', 'W/"1"', undefined, 'text/html']);
  t.same(told[1], told[0]);
});

const OWN = bodyOf(200_000);
const ownRoutes = [
  {
    name: 'own',
    match: { path: '/own' },
    respond: { body: OWN, content_type: 'text/html' },
    compress: true,
    headers: { response: { set: { etag: '"1"' } } },
  },
  { name: 'small', match: { path: '/small' }, respond: { body: 'x' }, compress: true },
  {
    name: 'picture',
    match: { path: '/picture' },
    respond: { body: OWN, content_type: 'image/png' },
    compress: true,
  },
  {
    name: 'untouched',
    match: { path: '/untouched' },
    respond: { body: OWN },
    compress: true,
    headers: { response: { set: { 'cache-control': 'no-transform' } } },
  },
  {
    name: 'retyped',
    match: { path: '/retyped' },
    respond: { body: OWN, content_type: 'image/png' },
    compress: true,
    headers: { response: { set: { 'content-type': 'text/css' } } },
  },
  {
    name: 'noise',
    match: { path: '/noise' },
    respond: { body: 'unlike' },
    compress: { min_size: '1B' },
  },
];

overWires(t)('what a route answers by itself', async (t, wire) => {
  await using proxied = await wire.start({ file: { routes: ownRoutes } });
  const client = await proxied.client();
  for (const coding of CODINGS) {
    for (const path of ['/own', '/retyped']) {
      const answer = await client.ask(get(path, `Accept-Encoding: ${coding}\r\n`));
      t.equal(fieldOf(answer, 'content-encoding'), coding, path);
      t.equal(fieldOf(answer, 'vary'), 'Accept-Encoding');
      t.equal(fieldOf(answer, 'content-length'), `${answer.body.length}`, 'its length is known');
      t.ok(plain(answer, coding) === OWN, 'the same');
      if (path === '/own') t.equal(fieldOf(answer, 'etag'), 'W/"1"');
      const head = await client.ask(get(path, `Accept-Encoding: ${coding}\r\n`).replace('GET', 'HEAD'));
      t.same(
        [
          head.body,
          fieldOf(head, 'content-length'),
          fieldOf(head, 'content-encoding'),
          fieldOf(head, 'vary'),
        ],
        ['', `${answer.body.length}`, coding, 'Accept-Encoding'],
      );
    }
  }
  for (const method of ['GET', 'HEAD']) {
    const other = await client.ask(get('/own').replace('GET', method));
    t.same(
      ['content-encoding', 'vary', 'etag', 'content-length'].map((name) => fieldOf(other, name)),
      [undefined, 'Accept-Encoding', '"1"', `${OWN.length}`],
      `${method}: as it is, and caches know`,
    );
  }
  for (const path of ['/small', '/picture', '/untouched']) {
    const answer = await client.ask(get(path, 'Accept-Encoding: gzip\r\n'));
    t.same([fieldOf(answer, 'content-encoding'), fieldOf(answer, 'vary')], [undefined, undefined], path);
  }
  const noise = await client.ask(get('/noise', 'Accept-Encoding: gzip\r\n'));
  t.same([noise.body, fieldOf(noise, 'content-encoding')], ['unlike', undefined], 'no gain, no coding');
  const metrics = await proxied.daemon.daemon.metrics.render();
  t.match(metrics, 'sluice_compressed_total{route="own"} 3', 'HEAD spares nothing');
  t.match(metrics, `sluice_compressed_from_bytes_total{route="own"} ${3 * OWN.length}`);
});

t.test('what a route answers by itself, HTTP/2', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true }, file: { routes: ownRoutes } });
  await using client = await H2Client.open(proxied.daemon.port());
  for (const coding of CODINGS) {
    const answer = await client.ask({ ':path': '/own', 'accept-encoding': coding });
    t.match(answer.headers, { 'content-encoding': coding, 'content-length': `${answer.body.length}` });
    t.ok(plain(answer, coding) === OWN);
  }
});

overWires(t)('a client of HTTP/1.0 gets it until the connection ends', async (t, wire) => {
  await using proxied = await start(wire);
  const body = bodyOf(50_000);
  proxied.server.answerAll(() => ok(body, TYPE));
  const client = await proxied.client();
  client.write('GET / HTTP/1.0\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n');
  const all = await client.rest();
  const [head = '', packed = ''] = [
    all.slice(0, all.indexOf('\r\n\r\n')),
    all.slice(all.indexOf('\r\n\r\n') + 4),
  ];
  t.match(head, /Content-Encoding: gzip/i);
  t.notMatch(head, /transfer-encoding|content-length/i);
  t.ok(plain({ body: packed }, 'gzip') === body);
});

overWires(t)('events are not kept waiting (B5)', async (t, wire) => {
  await using proxied = await wire.start({
    file: {
      routes: [{ name: 'all', pool: 'web', compress: { types: 'text/event-stream', algorithms: ['gzip'] } }],
    },
  });
  const client = await proxied.client();
  client.write(get('/', 'Accept-Encoding: gzip\r\n'));
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
  await client.sees('\r\n\r\n');
  for (let i = 0; i < 5; i++) {
    const before = client.received;
    const event = `data: ${i} ${'x'.repeat(i)}\n\n`;
    server.write(`${event.length.toString(16)}\r\n${event}\r\n`);
    // Nothing else is sent: without a flush this would wait for ever.
    await client.until('an event', () => client.received > before || undefined);
  }
  server.write('0\r\n\r\n');
  const answer = await client.answer();
  t.match(plain(answer, 'gzip'), /^data: 0 \n\n[\s\S]*data: 4 xxxx\n\n$/);
});

overWires(t)('ends in the middle: of the client, of the server', async (t, wire) => {
  await using proxied = await start(wire);
  const begin = async (client: Peer): Promise<Peer> => {
    client.write(get('/', 'Accept-Encoding: gzip\r\n'));
    const server = await proxied.server.accept();
    await server.request();
    server.write(
      `HTTP/1.1 200 OK\r\n${TYPE}Transfer-Encoding: chunked\r\n\r\n10000\r\n${bodyOf(65_536)}\r\n`,
    );
    await client.sees('\r\n\r\n');
    return server;
  };
  const leaving = await proxied.client();
  const left = await begin(leaving);
  leaving.destroy();
  await left.ended();
  const cut = await proxied.client();
  const cutter = await begin(cut);
  cutter.destroy();
  t.notMatch(await cut.rest(), /\r\n0\r\n\r\n$/, 'what is cut does not look whole');
});

overWires(t)('a client that takes nothing stops the server (B2)', async (t, wire) => {
  await using proxied = await start(wire);
  const client = await proxied.client();
  client.socket.pause();
  client.write(get('/', 'Accept-Encoding: gzip\r\n'));
  const server = await proxied.server.accept();
  await server.request();
  server.write(`HTTP/1.1 200 OK\r\n${TYPE}Transfer-Encoding: chunked\r\n\r\n`);
  // Does not compress, so that it fills the way to the client.
  const piece = randomBytes(65_536);
  let sent = 0;
  const limit = 64 * 1024 * 1024;
  while (sent < limit && server.socket.writableLength < 8 * 1024 * 1024) {
    server.write('10000\r\n');
    server.write(piece);
    server.write('\r\n');
    sent += piece.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(sent < limit, `${sent} bytes were taken for nobody`);
  client.socket.resume();
  server.write('0\r\n\r\n');
  const answer = await client.until(
    'all of it',
    () => (client.unread.endsWith('\r\n0\r\n\r\n') ? client.unread : undefined),
    60_000,
  );
  const at = answer.indexOf('\r\n\r\n') + 4;
  const { body } = { body: unchunk(answer.slice(at)) };
  t.equal(plain({ body }, 'gzip').length, sent);
});

function unchunk(text: string): string {
  let body = '';
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, end), 16);
    if (size === 0) return body;
    body += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

t.test('counted', async (t) => {
  await using proxied = await Proxied.start({ file: { routes } });
  const body = bodyOf(20_000);
  proxied.server.answerAll(() => ok(body, TYPE));
  const client = await proxied.client();
  await client.ask(get('/', 'Accept-Encoding: br\r\n'));
  await client.ask(get('/'));
  const metrics = await proxied.daemon.daemon.metrics.render();
  t.match(metrics, 'sluice_compressed_total{route="all"} 1');
  t.match(metrics, 'sluice_compressed_from_bytes_total{route="all"} 20000');
  t.equal(HTTP1_WIRES.length, 2);
});
