/** Pages of the user's own: static answers, errors of ours and of servers, maintenance. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { H2Client } from '../support/h2-client.ts';
import { fieldOf, get, ok } from '../support/peer.ts';
import { onePool, Proxied } from '../support/proxied.ts';
import { overWires } from '../support/wires.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-pages-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const fileOf = (name: string, text: string | Buffer): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const BROWSER = 'Accept: text/html,*/*\r\n';

overWires(t)('a static answer out of a file, read again by a reload', async (t, wire) => {
  const file = fileOf('robots.txt', 'User-agent: é\n');
  const routes = [
    { match: { path: '/robots.txt' }, respond: { file } },
    { match: { path: '/gone' }, respond: { status: 410, file: fileOf('gone.html', '<b>gone</b>') } },
    { pool: 'web' },
  ];
  await using proxied = await wire.start({ file: { routes } });
  const client = await proxied.client();
  const robots = await client.ask(get('/robots.txt'));
  t.equal(robots.status, 200);
  t.equal(Buffer.from(robots.body, 'latin1').toString(), 'User-agent: é\n');
  t.equal(fieldOf(robots, 'content-type'), 'text/plain; charset=utf-8');
  const gone = await client.ask(get('/gone'));
  t.same(
    [gone.status, gone.body, fieldOf(gone, 'content-type')],
    [410, '<b>gone</b>', 'text/html; charset=utf-8'],
  );
  fileOf('robots.txt', 'new');
  await proxied.daemon.reload(onePool(proxied.servers, { listener: wire.listener, file: { routes } }));
  t.equal((await client.ask(get('/robots.txt'))).body, 'new');
});

const PICTURE = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const LARGE = Buffer.alloc(1024 * 1024, PICTURE);
const binaryRoutes = () => [
  { match: { path: '/small' }, respond: { file: fileOf('small.png', PICTURE) } },
  { match: { path: '/large' }, respond: { file: fileOf('large.dat', LARGE) } },
  { match: { path: '/typed' }, respond: { file: fileOf('typed', PICTURE), content_type: 'image/x-own' } },
];
const BINARY: readonly [path: string, body: Buffer, type: string][] = [
  ['/small', PICTURE, 'image/png'],
  ['/large', LARGE, 'application/octet-stream'],
  ['/typed', PICTURE, 'image/x-own'],
];

for (const tls of [false, true])
  overWires(t)(`a static answer that is no text, ${tls ? 'TLS' : 'plain'}`, async (t, wire) => {
    const certificates = { local: { self_signed: ['localhost'] } };
    await using proxied = await wire.start({
      file: { routes: binaryRoutes(), certificates },
      ...(tls && { listener: { tls: { certificates: ['local'] } } }),
    });
    const client = await proxied.client({ tls });
    for (const [path, body, type] of [...BINARY, ...BINARY]) {
      const answer = await client.ask(get(path));
      t.ok(Buffer.from(answer.body, 'latin1').equals(body), `${path}: bytes as they are, each time`);
      t.equal(fieldOf(answer, 'content-type'), type);
      t.equal(fieldOf(answer, 'content-length'), `${body.length}`);
      const head = await client.ask(get(path).replace('GET', 'HEAD'));
      t.same(
        [head.status, head.body, fieldOf(head, 'content-type'), fieldOf(head, 'content-length')],
        [200, '', type, `${body.length}`],
      );
    }
  });

t.test('a static answer that is no text, HTTP/2', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true }, file: { routes: binaryRoutes() } });
  await using client = await H2Client.open(proxied.daemon.port());
  await Promise.all(
    [...BINARY, ...BINARY].map(async ([path, body, type]) => {
      const answer = await client.ask({ ':path': path });
      t.ok(answer.body.equals(body), `${path}: in as many pieces as its window takes`);
      t.match(answer.headers, { 'content-type': type, 'content-length': `${body.length}` });
      const head = await client.ask({ ':path': path, ':method': 'HEAD' });
      t.equal(head.body.length, 0);
      t.match(head.headers, { 'content-type': type, 'content-length': `${body.length}` });
    }),
  );
  const left = client.begin({ ':path': '/large' });
  left.once('data', () => left.close(constants.NGHTTP2_CANCEL));
  const log = join(proxied.daemon.folder, 'access.log');
  await proxied.daemon.until('it is logged as left', () =>
    readFileSync(log, 'utf8').includes('"reason":"client_abort"'),
  );
});

overWires(t)('pages for errors of ours, by status and route', async (t, wire) => {
  await using proxied = await wire.start({
    file: {
      error_pages: {
        404: fileOf('404.html', '<p>nothing here {request_id}</p>'),
        '5xx': { body: '{"code":{status}}', content_type: 'application/json' },
      },
      routes: [
        {
          name: 'down',
          match: { path: '/down' },
          pool: 'none',
          error_pages: { 503: { body: '<i>later</i>' } },
        },
        { name: 'none', match: { path: '/none' }, pool: 'none' },
        { name: 'closed', match: { path: '/closed' }, pool: 'none', ip_deny: '127.0.0.1' },
      ],
      pools: { none: { servers: [], health: false } },
    },
  });
  const client = await proxied.client();
  const nothing = await client.ask(get('/x', BROWSER));
  t.equal(nothing.status, 404);
  t.match(nothing.body, /^<p>nothing here \w{10,}<\/p>$/);
  t.match((await client.ask(get('/x'))).body, /"code":"no_route"/, 'a program gets what it can read');
  t.equal((await client.ask(get('/down', BROWSER))).body, '<i>later</i>');
  const none = await client.ask(get('/none'));
  t.same([none.status, none.body, fieldOf(none, 'retry-after')], [503, '{"code":503}', '1']);
  t.match((await client.ask(get('/closed', BROWSER))).body, /<h1>Forbidden/, 'without a page it is ours');
});

overWires(t)('pages for errors of servers, whose connections go on', async (t, wire) => {
  const error_pages = {
    '5xx': { body: '<p>{status} sorry</p>', intercept: true },
    404: { body: 'ours only' },
  };
  await using proxied = await wire.start({
    file: { routes: [{ pool: 'web', error_pages, compress: true }] },
  });
  let status = '500 Broken';
  const long = 'x'.repeat(300_000);
  proxied.server.answerAll((request) =>
    request.start.startsWith('HEAD')
      ? `HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\n`
      : ok(long, 'Content-Type: text/plain\r\nSet-Cookie: a=b\r\nETag: "1"\r\n').replace('200 OK', status),
  );
  const client = await proxied.client();
  for (let i = 0; i < 3; i++) {
    const answer = await client.ask(get('/', `${BROWSER}Accept-Encoding: gzip\r\n`));
    t.same([answer.status, answer.body], [500, '<p>500 sorry</p>']);
    t.same(
      ['content-type', 'set-cookie', 'etag', 'content-length'].map((name) => fieldOf(answer, name)),
      ['text/html; charset=utf-8', 'a=b', undefined, '16'],
    );
  }
  t.equal(proxied.server.connections, 1, 'what they said was read to its end');
  const head = await client.ask(get('/', BROWSER).replace('GET', 'HEAD'));
  t.same([head.status, fieldOf(head, 'content-length')], [500, '16']);
  t.equal((await client.ask(get('/'))).body.length, long.length, 'programs get the server’s');
  status = '404 Not Found';
  t.equal((await client.ask(get('/', BROWSER))).body.length, long.length, 'not without intercept');
});

t.test('maintenance: closed but for some, over HTTP/2 too, and open again by a reload', async (t) => {
  const maintenance = {
    page: fileOf('closed.html', '<h1>Back soon</h1>'),
    retry_after: '90s',
    allow: '127.0.0.2',
  };
  const listener = { h2c: true };
  await using proxied = await Proxied.start({
    listener,
    file: { routes: [{ name: 'shop', pool: 'web', maintenance }] },
  });
  proxied.server.answerAll(() => ok('open'));
  const client = await proxied.client();
  const browser = await client.ask(get('/', BROWSER));
  t.same([browser.status, browser.body, fieldOf(browser, 'retry-after')], [503, '<h1>Back soon</h1>', '90']);
  const program = await client.ask(get('/'));
  t.same([program.status, fieldOf(program, 'retry-after')], [503, '90']);
  t.match(program.body, /"code":"maintenance"/);
  const worker = await proxied.client({ localAddress: '127.0.0.2' });
  t.equal((await worker.ask(get('/', BROWSER))).body, 'open');
  {
    await using h2 = await H2Client.open(proxied.daemon.port());
    t.equal((await h2.ask({ ':path': '/' })).status, 503);
  }
  await proxied.daemon.reload(
    onePool(proxied.servers, {
      listener,
      file: { routes: [{ name: 'shop', pool: 'web', maintenance: false }] },
    }),
  );
  t.equal((await client.ask(get('/'))).body, 'open');
});
