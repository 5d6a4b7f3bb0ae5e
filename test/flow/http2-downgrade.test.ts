/**
 * From HTTP/2 to HTTP/1.1, as raw frames: what would read as something else over there is refused (a reset stream, or a
 * 400), nothing of it reaches a server, and the connection's other requests go on.
 */
import t from 'tap';
import {
  block,
  CODE,
  codeOf,
  END_HEADERS,
  END_STREAM,
  type Field,
  FrameClient,
  frame,
  request,
  TYPE,
} from '../support/h2-frames.ts';
import { ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const proxied = await Proxied.start({ listener: { h2c: true } });
t.teardown(() => proxied[Symbol.asyncDispose]());

/** Plays the server: remembers what it was asked (whole requests only), and says ok. */
const asked: string[] = [];
let lastFields = '';
proxied.server.answerAll((message) => {
  asked.push(message.start);
  lastFields = message.fields.map(([name, value]) => `${name}: ${value}\n`).join('');
  return ok(`${message.start} ${message.body}`);
});

const length = (value: string): Field => ['content-length', value];
const POST = { ':method': 'POST' };

/** What is sent on stream 1, by name; the refusal of each is a reset or a 400. */
const refused: Readonly<Record<string, readonly Buffer[]>> = {};
function refuses(name: string, fields: readonly Field[], ...behind: readonly Buffer[]): void {
  const flags = END_HEADERS | (behind.length === 0 ? END_STREAM : 0);
  Object.assign(refused, { [name]: [frame(TYPE.headers, flags, 1, block(fields)), ...behind] });
}
const data = (text: string, flags = END_STREAM): Buffer => frame(TYPE.data, flags, 1, text);

refuses(':path with a space', request({ ':path': '/ HTTP/1.1' }));
refuses(':path with a line end', request({ ':path': '/ HTTP/1.1\r\nHost: evil\r\n\r\nGET /x' }));
refuses(':path without a slash', request({ ':path': 'admin' }));
refuses(':path in absolute form', request({ ':path': 'http://evil.example/' }));
refuses(':path with a fragment', request({ ':path': '/a#b' }));
refuses('no :path', request({ ':path': undefined }));
refuses('no :method', request({ ':method': undefined }));
refuses(':method with a line end', request({ ':method': 'GET / HTTP/1.1\r\nX: y\r\n\r\nGET' }));
refuses(':method with a space', request({ ':method': 'GET /x' }));
refuses('no :scheme', request({ ':scheme': undefined }));
refuses(':scheme with a target', request({ ':scheme': 'http://evil.example/?' }));
refuses(':authority with a line end', request({ ':authority': 't.example\r\nx: y' }));
refuses(':authority with a user', request({ ':authority': 'evil@t.example' }));
refuses('neither :authority nor host', request({ ':authority': undefined }));
refuses('host differs from :authority', request({}, [['host', 'evil.example']]));
refuses('doubled :path', [...request(), [':path', '/admin']]);
refuses('unknown pseudo-field', request({ ':proto': 'x' }));
refuses('late pseudo-field', [...request({ ':path': undefined }, [['x', 'y']]), [':path', '/']]);
refuses('upper-case name', request({}, [['Transfer-Encoding', 'chunked']]));
refuses(
  'transfer-encoding (ATS CVE-2026-58150)',
  request(POST, [['transfer-encoding', 'chunked']]),
  data('0\r\n\r\n'),
);
refuses('connection', request({}, [['connection', 'close']]));
refuses('keep-alive', request({}, [['keep-alive', 'timeout=5']]));
refuses('proxy-connection', request({}, [['proxy-connection', 'keep-alive']]));
refuses('upgrade', request({}, [['upgrade', 'h2c']]));
refuses('te of a coding', request({}, [['te', 'gzip']]));
refuses('length and no body (HAProxy, 2026)', request(POST, [length('43')]));
refuses('two lengths', request(POST, [length('5'), length('6')]), data('hello'));
refuses('length that is none', request(POST, [length('+5')]), data('hello'));
refuses('body beyond its length', request(POST, [length('3')]), data('hello'));
refuses('body shorter than its length', request(POST, [length('9')]), data('hello'));
refuses('CONNECT', [
  [':method', 'CONNECT'],
  [':authority', 't.example:443'],
]);
refuses(
  'extended CONNECT to another protocol',
  request({ ':method': 'CONNECT', ':protocol': 'foo' }),
  data('', 0),
);
refuses(
  'trailers with a pseudo-field',
  request(POST),
  data('ok', 0),
  frame(TYPE.headers, END_HEADERS | END_STREAM, 1, block([[':path', '/admin']])),
);

/** Node ends the whole connection for these. */
const ENDS_CONNECTION: ReadonlySet<string> = new Set(['body beyond its length']);

for (const [name, frames] of Object.entries(refused)) {
  t.test(name, async (t) => {
    asked.length = 0;
    await using client = await FrameClient.greet(proxied.daemon.port());
    client.send(...frames);
    const end = await client.ending(1);
    if (end.kind === 'answer') t.match(client.bodyOf(1), /"status":(400|405|501)/, 'an answer of ours');
    else if (end.kind === 'reset') t.equal(end.code, CODE.protocol, 'PROTOCOL_ERROR');
    else t.ok(end.kind === 'goaway' && ENDS_CONNECTION.has(name), `${end.kind} ${end.code}`);
    if (end.kind === 'goaway') {
      t.same(asked, [], 'nothing upstream');
      return;
    }
    client.ask(3, request({ ':path': '/after' }));
    t.same(await client.ending(3), { kind: 'answer', status: 200 }, 'the connection goes on');
    t.same(asked, ['GET /after HTTP/1.1'], 'nothing else upstream');
  });
}

/** nghttp2 drops a field with such bytes, and tells nobody: the request goes on, and nothing of the field. */
const dropped: readonly (readonly [string, Field])[] = [
  ['name with a line end', ['x: y\r\ntransfer-encoding', 'chunked']],
  ['name with a colon', ['x:y', 'z']],
  ['name with a space', ['content-length ', '5']],
  ['empty name', ['', 'x']],
  ['value with a line end', ['x', 'y\r\nhost: evil.example']],
  ['value with a bare LF', ['x', 'y\nz: 1']],
  ['value with a bare CR', ['x', 'y\rz: 1']],
  ['value with NUL', ['x', 'y\0z']],
];

for (const [name, field] of dropped) {
  t.test(`${name}: the field is dropped`, async (t) => {
    asked.length = 0;
    await using client = await FrameClient.greet(proxied.daemon.port());
    client.ask(1, request({}, [['x-before', '1'], field, ['x-behind', '2']]));
    t.same(await client.ending(1), { kind: 'answer', status: 200 });
    t.same(asked, ['GET / HTTP/1.1'], 'one request');
    t.match(lastFields, /^host: t\.example\nx-before: 1\nx-behind: 2\nx-forwarded-for: /);
  });
}

t.test('what passes', async (t) => {
  asked.length = 0;
  await using client = await FrameClient.greet(proxied.daemon.port());
  client.ask(1, request(POST, [length('5')]), 0);
  client.send(frame(TYPE.data, 0, 1, 'hel'), frame(TYPE.data, END_STREAM, 1, 'lo'));
  t.same(await client.ending(1), { kind: 'answer', status: 200 });
  t.equal(client.bodyOf(1), 'POST / HTTP/1.1 hello');
  client.ask(3, request(POST), 0);
  client.send(
    frame(TYPE.data, 0, 3, 'in '),
    frame(TYPE.data, 0, 3, ''),
    frame(TYPE.data, END_STREAM, 3, 'chunks'),
  );
  t.same(await client.ending(3), { kind: 'answer', status: 200 });
  t.equal(client.bodyOf(3), 'POST / HTTP/1.1 in chunks');
  client.ask(5, request({ ':method': 'OPTIONS', ':path': '*' }));
  t.same(await client.ending(5), { kind: 'answer', status: 200 });
  t.same(asked, ['POST / HTTP/1.1', 'POST / HTTP/1.1', 'OPTIONS * HTTP/1.1']);
});

t.test('an answer that breaks off never looks whole', async (t) => {
  await using breaking = await Proxied.start({ listener: { h2c: true } });
  await using client = await FrameClient.greet(breaking.daemon.port());
  const heads = ['Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', 'Content-Length: 8\r\n\r\nhalf'];
  for (const [i, head] of heads.entries()) {
    const id = 1 + 2 * i;
    client.ask(id, request());
    const server = await breaking.server.accept();
    await server.request();
    server.write(`HTTP/1.1 200 OK\r\n${head}`);
    await client.until('half', (it) => it.type === TYPE.data && it.stream === id);
    server.reset();
    const end = await client.until('the end', (it) => it.type === TYPE.reset && it.stream === id);
    t.equal(codeOf(end), CODE.internal);
    t.notOk(
      client.frames.some((it) => it.stream === id && it.type === TYPE.data && (it.flags & END_STREAM) !== 0),
      'no END_STREAM before',
    );
  }
});
