/** Heads of HTTP/2 become those of HTTP/1.1, or a fault: what could read as something else there never goes on. */
import t from 'tap';
import { HttpFault } from '../../../src/http/index.ts';
import { type ReadHead, RequestTranslator } from '../../../src/http2/request.ts';
import { type Field, request } from '../../support/h2-frames.ts';
import { WIRE_LIMITS } from '../../support/wire-fixture.ts';

const read = (fields: readonly Field[], isComplete = true, limits = {}): ReadHead | HttpFault =>
  new RequestTranslator({ ...WIRE_LIMITS, ...limits }, false).read(fields.flat(), isComplete);

function headOf(fields: readonly Field[], isComplete = true): ReadHead {
  const found = read(fields, isComplete);
  if (found instanceof HttpFault) throw new Error(found.detail);
  return found;
}

const rows: readonly (readonly [string, readonly Field[], string])[] = [
  ['no :method', request({ ':method': undefined }), 'bad_request'],
  ['empty :method', request({ ':method': '' }), 'bad_request'],
  ['space in :method', request({ ':method': 'GET /x HTTP/1.1' }), 'bad_request'],
  ['line end in :method', request({ ':method': 'GET / HTTP/1.1\r\nX: y\r\n\r\nGET' }), 'bad_request'],
  ['CONNECT', request({ ':method': 'CONNECT', ':scheme': undefined, ':path': undefined }), 'method_refused'],
  ['TRACE', request({ ':method': 'TRACE' }), 'method_refused'],
  ['no :scheme', request({ ':scheme': undefined }), 'bad_request'],
  ['line end in :scheme', request({ ':scheme': 'http\r\nx: y' }), 'bad_request'],
  ['a target in :scheme', request({ ':scheme': 'http://evil.example/?' }), 'bad_request'],
  ['no :path', request({ ':path': undefined }), 'bad_request'],
  ['empty :path', request({ ':path': '' }), 'bad_request'],
  [':path without slash', request({ ':path': 'x' }), 'bad_request'],
  [':path in absolute form', request({ ':path': 'http://evil.example/' }), 'bad_request'],
  ['space in :path', request({ ':path': '/ HTTP/1.1' }), 'bad_request'],
  ['line end in :path', request({ ':path': '/x\r\nHost: evil.example' }), 'bad_request'],
  ['fragment in :path', request({ ':path': '/#x' }), 'bad_request'],
  ['NUL in :path', request({ ':path': '/\0' }), 'bad_request'],
  [':path * and GET', request({ ':path': '*' }), 'bad_request'],
  ['long :path', request({ ':path': `/${'x'.repeat(9000)}` }), 'target_too_long'],
  ['neither :authority nor host', request({ ':authority': undefined }), 'bad_request'],
  ['empty :authority', request({ ':authority': '' }), 'bad_request'],
  ['user in :authority', request({ ':authority': 'a@t.example' }), 'bad_request'],
  ['line end in :authority', request({ ':authority': 't.example\r\nx: y' }), 'bad_request'],
  ['slash in :authority', request({ ':authority': 't.example/admin' }), 'bad_request'],
  ['another host', request({}, [['host', 'evil.example']]), 'bad_request'],
  [
    'two hosts',
    request({}, [
      ['host', 't.example'],
      ['host', 't.example'],
    ]),
    'bad_request',
  ],
  ['unknown pseudo-field', request({ ':proto': 'x' }), 'bad_request'],
  ['pseudo-field of answers', request({ ':status': '200' }), 'bad_request'],
  ['doubled pseudo-field', [...request(), [':path', '/admin']], 'bad_request'],
  ['late pseudo-field', [...request({ ':path': undefined }, [['x', 'y']]), [':path', '/']], 'bad_request'],
  ['upper case', request({}, [['X-Test', 'y']]), 'bad_request'],
  ['colon in a name', request({}, [['transfer-encoding: chunked\r\nx', 'y']]), 'bad_request'],
  ['space in a name', request({}, [['content-length ', '5']]), 'bad_request'],
  ['empty name', request({}, [['', 'y']]), 'bad_request'],
  ['line end in a value', request({}, [['x', 'y\r\ntransfer-encoding: chunked']]), 'bad_request'],
  ['bare LF in a value', request({}, [['x', 'y\nz: 1']]), 'bad_request'],
  ['bare CR in a value', request({}, [['x', 'y\rz']]), 'bad_request'],
  ['NUL in a value', request({}, [['x', 'y\0']]), 'bad_request'],
  ['white space at the start', request({}, [['x', ' y']]), 'bad_request'],
  ['white space at the end', request({}, [['x', 'y\t']]), 'bad_request'],
  ...['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'transfer-encoding'].map(
    (name) =>
      [name, request({}, [[name, name === 'transfer-encoding' ? 'chunked' : 'x']]), 'bad_request'] as const,
  ),
  ['te of a coding', request({}, [['te', 'gzip, trailers']]), 'bad_request'],
  ['length without a body', request({}, [['content-length', '5']]), 'bad_request'],
  ['length that is none', request({}, [['content-length', '+0']]), 'bad_request'],
  [
    'two lengths',
    request({}, [
      ['content-length', '0'],
      ['content-length', '0'],
    ]),
    'bad_request',
  ],
  ['unknown expectation', request({}, [['expect', '200-maybe']]), 'expectation'],
  [':protocol and GET', request({ ':protocol': 'websocket' }), 'bad_request'],
  ['large fields', request({}, [['x', 'y'.repeat(17_000)]]), 'head_too_large'],
  [
    'many fields',
    request(
      {},
      Array.from({ length: 101 }, () => ['x', 'y'] as const),
    ),
    'head_too_large',
  ],
];

t.test('refused (B49)', (t) => {
  for (const [name, fields, reason] of rows) {
    const found = read(fields);
    t.equal(found instanceof HttpFault ? found.reason : 'taken', reason, name);
  }
  t.end();
});

t.test('extended CONNECT', (t) => {
  const connect = { ':method': 'CONNECT', ':protocol': 'websocket' };
  const version: Field = ['sec-websocket-version', '13'];
  const reasonOf = (fields: readonly Field[], isComplete: boolean): string => {
    const found = read(fields, isComplete);
    return found instanceof HttpFault ? found.reason : 'taken';
  };
  t.equal(reasonOf(request({ ...connect, ':protocol': 'connect-udp' }), false), 'not_implemented');
  t.equal(reasonOf(request(connect), true), 'bad_request', 'a stream that has ended');
  t.equal(reasonOf(request(connect, [['content-length', '4']]), false), 'bad_request');
  const { head, webSocketKey } = headOf(request(connect, [version, ['sec-websocket-key', 'theirs']]), false);
  t.equal(head.method, 'GET');
  t.equal(head.upgrade, 'websocket');
  t.equal(Buffer.from(webSocketKey, 'base64').length, 16);
  t.equal(head.fields.forward, `sec-websocket-version: 13\r\nsec-websocket-key: ${webSocketKey}\r\n`);
  t.end();
});

t.test('taken', (t) => {
  const plain = headOf(
    request({}, [
      ['x-a', '1'],
      ['cookie', 'a=1'],
      ['x-b', 'caf\xe9'],
      ['cookie', 'b=2'],
      ['x-a', '2'],
      ['host', 'T.example'],
      ['te', 'trailers'],
    ]),
  );
  t.equal(plain.head.authority, 't.example');
  t.equal(plain.head.target, '/');
  t.equal(
    plain.head.fields.forward,
    'x-a: 1\r\nx-b: caf\xe9\r\nx-a: 2\r\ncookie: a=1; b=2\r\n',
    'one cookie field',
  );
  t.equal(plain.head.fields.cookie, 'a=1; b=2');
  t.equal(plain.head.fields.takesTrailers, true);
  t.equal(plain.head.bodyKind, 'none');
  t.equal(plain.webSocketKey, '');
  t.equal(headOf(request({ ':authority': undefined }, [['host', 'h.example']])).head.authority, 'h.example');
  t.equal(headOf(request({ ':method': 'OPTIONS', ':path': '*' })).head.target, '*');
  t.end();
});

t.test('framing for the server', (t) => {
  const of = (fields: readonly Field[], isComplete: boolean): string => {
    const { head } = headOf(fields, isComplete);
    return `${head.bodyKind} ${head.fields.contentLength}`;
  };
  const post = { ':method': 'POST' };
  t.equal(of(request(post), false), 'chunked -1');
  t.equal(of(request(post, [['content-length', '5']]), false), 'length 5');
  t.equal(of(request(post), true), 'length 0', 'a server may ask for the length');
  t.equal(of(request(post, [['content-length', '0']]), true), 'length 0');
  t.equal(of(request(), true), 'none -1');
  t.equal(of(request({ ':method': 'DELETE' }), true), 'none -1');
  t.end();
});

t.test('fields like those before are not read again', (t) => {
  const translator = new RequestTranslator(WIRE_LIMITS, false);
  const first = translator.read(request({}, [['x', 'y']]).flat(), true) as ReadHead;
  const second = translator.read(request({ ':path': '/2' }, [['x', 'y']]).flat(), true) as ReadHead;
  const third = translator.read(request({ ':path': '/2' }, [['x', 'y']]).flat(), false) as ReadHead;
  t.equal(second.head.fields, first.head.fields);
  t.equal(second.sizeBytes, first.sizeBytes + 1);
  for (const path of ['', 'x', '/ x', '/#', '*', `/${'x'.repeat(9000)}`]) {
    const refused = translator.read(request({ ':path': path }, [['x', 'y']]).flat(), true);
    t.ok(refused instanceof HttpFault, `a path is looked at all the same: ${path.slice(0, 9)}`);
  }
  const other = translator.read(
    request({ ':method': 'PUT', ':path': '/2' }, [['x', 'y']]).flat(),
    true,
  ) as ReadHead;
  t.equal(other.head.method, 'PUT');
  t.equal(other.head.bodyKind, 'length');
  translator.read(request({ ':path': '/1' }, [['x', 'y']]).flat(), true);
  t.equal(second.head.target, '/2');
  t.not(third.head.fields, first.head.fields, 'a body makes another block');
  t.end();
});
