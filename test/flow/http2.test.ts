/** HTTP/2 over ALPN with a client of node:http2: what HTTP/1.1 clients rely on holds for it, too. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { Agent, request as undiciRequest } from 'undici';
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { H2Client, read } from '../support/h2-client.ts';
import { fieldOf, ok, type Peer } from '../support/peer.ts';
import { type Changes, Proxied } from '../support/proxied.ts';

const MIB = 1024 * 1024;
const certificates: FileInput['certificates'] = { local: { self_signed: ['localhost', '127.0.0.1'] } };
const start = (changes: Changes = {}): Promise<Proxied> =>
  Proxied.start({
    ...changes,
    listener: { tls: { certificates: ['local'] }, ...changes.listener },
    file: { certificates, ...changes.file },
  });
const client = (proxied: Proxied): Promise<H2Client> => H2Client.open(proxied.daemon.port(), true);
const path = (target: string, more = {}) => ({ ':path': target, ...more });

t.test('methods, statuses, fields', async (t) => {
  await using proxied = await start();
  await using h2 = await client(proxied);
  proxied.server.answerAll((message) => {
    const [method, target] = message.start.split(' ');
    if (target === '/204') return 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n';
    if (target === '/304') return 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 9\r\n\r\n';
    if (target === '/205') return 'HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n';
    if (target === '/fields')
      return (
        'HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\n' +
        'Upgrade: h2c\r\nSet-Cookie: a=1\r\nLocation: /1\r\nLocation: /2\r\nSet-Cookie: b=2\r\nX-Text: caf\xe9\r\nContent-Length: 2\r\n\r\nok'
      );
    const text = `${method} ${target} ${message.body}`;
    return `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${method === 'HEAD' ? '' : text}`;
  });
  for (const method of ['GET', 'DELETE', 'OPTIONS', 'PROPFIND']) {
    const answer = await h2.ask(path('/x?y=%2F', { ':method': method }));
    t.equal(String(answer.body), `${method} /x?y=%2F `);
  }
  for (const method of ['POST', 'PUT', 'PATCH']) {
    const answer = await h2.ask(path('/', { ':method': method }), 'body');
    t.equal(String(answer.body), `${method} / body`);
  }
  const head = await h2.ask(path('/', { ':method': 'HEAD' }));
  t.equal(head.headers['content-length'], '7');
  t.equal(head.body.length, 0);
  for (const status of [204, 205, 304]) {
    const answer = await h2.ask(path(`/${status}`));
    t.equal(answer.status, status);
    t.equal(answer.code, 0);
  }
  const { headers } = await h2.ask(path('/fields'));
  for (const name of ['connection', 'x-hop', 'keep-alive', 'proxy-connection', 'upgrade'])
    t.equal(headers[name], undefined, name);
  t.same(headers['set-cookie'], ['a=1', 'b=2']);
  t.equal(headers['x-text'], 'caf\xe9');
  t.match(headers['date'], /GMT$/);
});

t.test('what the server learns, and the log (B49)', async (t) => {
  await using proxied = await start();
  await using h2 = await client(proxied);
  const answer = h2.ask(
    path('/who', { 'x-forwarded-for': '6.6.6.6', x_forwarded_for: '6.6.6.6', 'user-agent': 'me' }),
  );
  const server = await proxied.server.accept();
  const request = await server.request();
  const authority = `127.0.0.1:${proxied.daemon.port()}`;
  t.equal(fieldOf(request, 'host'), authority);
  t.equal(fieldOf(request, 'x-forwarded-for'), '127.0.0.1');
  t.equal(fieldOf(request, 'x_forwarded_for'), undefined);
  t.equal(fieldOf(request, 'x-forwarded-proto'), 'https');
  t.equal(fieldOf(request, 'via'), '2 sluice');
  t.equal(fieldOf(request, 'transfer-encoding'), undefined);
  server.write(ok());
  t.equal((await answer).status, 200);
  await h2.close();
  const file = join(proxied.daemon.folder, 'access.log');
  await proxied.daemon.until('the line', () => readFileSync(file, 'utf8').includes('/who'));
  const line = JSON.parse(readFileSync(file, 'utf8').trim().split('\n').at(-1) as string);
  t.match(line, {
    protocol: 'HTTP/2',
    host: authority,
    target: '/who',
    tls: 'TLSv1.3',
    user_agent: 'me',
    status: 200,
  });
  t.ok(line.bytes_in > 0 && line.bytes_out > 0);
});

t.test('HTTP/1.1 and other offers on the same port; a reload that ends the offer', async (t) => {
  const listener = { tls: { certificates: ['local'] } };
  const input = (http2: boolean): FileInput => ({
    certificates,
    listeners: { https: { address: '127.0.0.1', port: 0, http2, ...listener } },
    routes: [{ respond: { status: 200, body: 'hi' } }],
  });
  await using daemon = await DaemonFixture.start(input(true));
  const chosen = async (offer: string[]): Promise<string | false | null> => {
    const socket = connectTls({
      port: daemon.port(),
      host: '127.0.0.1',
      ALPNProtocols: offer,
      rejectUnauthorized: false,
    });
    const result = await Promise.race([
      once(socket, 'secureConnect').then(() => socket.alpnProtocol),
      once(socket, 'error').then(() => 'refused'),
    ]).catch(() => 'refused');
    socket.destroy();
    return result;
  };
  t.equal(await chosen(['h2', 'http/1.1']), 'h2');
  t.equal(await chosen(['http/1.1', 'h2']), 'h2', 'ours is the order');
  t.equal(await chosen(['http/1.1']), 'http/1.1');
  t.equal(await chosen(['spdy/3']), 'refused', 'nothing that both speak');
  await using h2 = await H2Client.open(daemon.port(), true);
  await daemon.reload(input(false));
  t.equal(await chosen(['h2', 'http/1.1']), 'http/1.1', 'the offer is gone');
  t.equal(String((await h2.ask(path('/'))).body), 'hi', 'what was agreed on goes on');
  await daemon.reload(input(true));
  t.equal(await chosen(['h2', 'http/1.1']), 'h2', 'and back');
});

t.test('large bodies arrive as they were sent, many at a time', async (t) => {
  await using proxied = await start();
  await using h2 = await client(proxied);
  const block = Buffer.alloc(MIB);
  for (let at = 0; at < MIB; at += 64) block.fill(`${at};`, at, at + 64);
  const body = Buffer.concat(
    Array.from({ length: 2 }, (_, i) => Buffer.concat([block, Buffer.from(`${i}`)])),
  );
  const hash = createHash('sha256').update(body).digest('hex');
  // Echoes bodies of chunks and of a length.
  const serve = async (peer: Peer): Promise<void> => {
    while (!peer.isClosed) {
      const message = await peer.request(0);
      const bytes = Buffer.from(message.body, 'latin1');
      peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n`);
      peer.write(bytes);
    }
  };
  const take = async (): Promise<void> => {
    for (;;) void serve(await proxied.server.accept()).catch(() => {});
  };
  void take().catch(() => {});
  const answers = await Promise.all(
    Array.from({ length: 3 }, (_, i) =>
      h2.ask(
        path(`/${i}`, { ':method': 'POST', ...(i === 0 ? { 'content-length': body.length } : {}) }),
        body,
      ),
    ),
  );
  for (const answer of answers) {
    t.equal(answer.status, 200);
    t.equal(createHash('sha256').update(answer.body).digest('hex'), hash);
  }
});

t.test('trailers both ways, interim answers, an expectation (B7, B8, B11)', async (t) => {
  await using proxied = await start();
  await using h2 = await client(proxied);
  const asked = h2.ask(path('/', { ':method': 'POST', te: 'trailers' }), 'hello', {
    'x-sum': 'abc',
    authorization: 'no',
  });
  const server = await proxied.server.accept();
  const request = await server.request();
  t.equal(request.body, 'hello');
  t.equal(request.trailers, 'x-sum: abc\r\n');
  t.equal(fieldOf(request, 'te'), 'trailers');
  server.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n');
  server.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n');
  server.write('0\r\nGrpc-Status: 0\r\nContent-Length: 9\r\n\r\n');
  const answer = await asked;
  t.same(answer.interim, [103]);
  t.equal(String(answer.body), 'ok');
  t.equal(answer.trailers['grpc-status'], '0');
  t.equal(answer.trailers['content-length'], undefined);

  const stream = h2.begin(path('/', { ':method': 'PUT', expect: '100-continue' }), true);
  stream.on('wantTrailers', () => stream.sendTrailers({}));
  const head = await server.requestHead();
  t.equal(fieldOf(head, 'expect'), '100-continue');
  server.write('HTTP/1.1 100 Continue\r\n\r\n');
  await once(stream, 'continue');
  const whole = read(stream);
  stream.end('now');
  await server.sees('0\r\n\r\n');
  server.write(ok('thanks'));
  t.equal(String((await whole).body), 'thanks');
});

t.test('an answer before the body is complete ends the upload', async (t) => {
  await using proxied = await start({ listener: { limits: { max_body_size: '1MiB' } } });
  await using h2 = await client(proxied);
  const known = await h2.ask(
    path('/', { ':method': 'POST', 'content-length': 2 * MIB }),
    Buffer.alloc(2 * MIB),
  );
  t.equal(known.status, 413, 'announced');
  const upload = h2.begin(path('/', { ':method': 'POST' }), true);
  const answer = read(upload);
  upload.write(Buffer.alloc(2 * MIB));
  const server = await proxied.server.accept();
  await server.requestHead();
  t.equal((await answer).status, 413, 'found out');
  const early = h2.begin(path('/', { ':method': 'POST' }), true);
  const refused = read(early);
  early.write('part');
  const second = await proxied.server.accept();
  await second.requestHead();
  second.write('HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n');
  const { status, body, code } = await refused;
  t.same([status, String(body), code], [403, 'no', 0]);
});

t.test('a client that resets cancels the attempt, and only that', async (t) => {
  await using proxied = await start();
  await using h2 = await client(proxied);
  const stays = h2.ask(path('/stays'));
  const first = await proxied.server.accept();
  await first.request();
  const waiting = h2.begin(path('/waits'));
  const second = await proxied.server.accept();
  await second.request();
  waiting.close(8);
  await second.ended();
  const uploading = h2.begin(path('/up', { ':method': 'POST' }), true);
  uploading.write('some');
  const third = await proxied.server.accept();
  await third.requestHead();
  uploading.close(8);
  await third.ended();
  const reading = h2.begin(path('/down'));
  const fourth = await proxied.server.accept();
  await fourth.request();
  fourth.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
  await once(reading, 'data');
  reading.close(8);
  await fourth.ended();
  first.write(ok('still here'));
  t.equal(String((await stays).body), 'still here');
});

t.test('a client that is gone cancels all of its attempts', async (t) => {
  await using proxied = await start();
  const h2 = await client(proxied);
  h2.begin(path('/1'));
  h2.begin(path('/2', { ':method': 'POST' }), true).write('x');
  const servers = [await proxied.server.accept(), await proxied.server.accept()];
  for (const server of servers) await server.requestHead();
  h2.session.destroy();
  for (const server of servers) await server.ended();
  await proxied.daemon.idle();
  t.pass('nothing is in flight');
});

t.test('a server that breaks off resets the stream; one that breaks the rules is a 502', async (t) => {
  await using proxied = await start({ pool: { retry: { attempts: 1 } } });
  await using h2 = await client(proxied);
  const broken = h2.begin(path('/'));
  const answer = read(broken);
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
  await once(broken, 'data');
  server.destroy();
  t.equal((await answer).code, 2, 'INTERNAL_ERROR');
  const bad = h2.ask(path('/'));
  const second = await proxied.server.accept();
  await second.request();
  second.write('HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n');
  t.equal((await bad).status, 502);
  const odd = h2.ask(path('/'));
  const third = await proxied.server.accept();
  await third.request();
  third.write('HTTP/1.1 799 Odd\r\nContent-Length: 2\r\n\r\nok');
  const { status, body } = await odd;
  t.same([status, String(body)], [502, 'ok'], 'a status that HTTP/2 has not');
});

t.test('undici', async (t) => {
  await using proxied = await start();
  proxied.server.answerAll((message) => ok(`${message.start} ${message.body}`));
  const agent = new Agent({ allowH2: true, connect: { rejectUnauthorized: false } });
  const origin = `https://127.0.0.1:${proxied.daemon.port()}`;
  const bodies = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const isPost = i % 2 === 1;
      const method = isPost ? 'POST' : 'GET';
      const answer = await undiciRequest(`${origin}/${i}`, {
        dispatcher: agent,
        method,
        ...(isPost ? { body: 'x'.repeat(i) } : {}),
      });
      return answer.body.text();
    }),
  );
  for (const [i, body] of bodies.entries())
    t.equal(body, i % 2 === 1 ? `POST /${i} HTTP/1.1 ${'x'.repeat(i)}` : `GET /${i} HTTP/1.1 `);
  await agent.close();
});
