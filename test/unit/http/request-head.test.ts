/** Request lines, field blocks and what the two are together, as tables: taken, changed on the way, or refused and why. */
import t from 'tap';
import { HttpFault } from '../../../src/http/index.ts';
import { parseRequestFields, type RequestFields } from '../../../src/http/request-fields.ts';
import { buildRequestHead, parseRequestLine, type RequestHead } from '../../../src/http/request-head.ts';

const shown = JSON.stringify;
const isFault = (value: unknown): value is HttpFault => value instanceof HttpFault;

function fieldsOf(block: string, isTrusted = false): RequestFields {
  const fields = parseRequestFields(block, isTrusted, 100);
  if (isFault(fields)) throw new Error(`${fields.reason}: ${fields.detail}`);
  return fields;
}

function headOf(line: string, block: string): RequestHead | HttpFault {
  const parsed = parseRequestLine(line, 8192);
  if (isFault(parsed)) return parsed;
  const fields = parseRequestFields(block, false, 100);
  return isFault(fields) ? fields : buildRequestHead(parsed, fields);
}

t.test('request lines', async (t) => {
  const good: [string, string, string, 0 | 1][] = [
    ['GET / HTTP/1.1', 'GET', '/', 1],
    ['GET / HTTP/1.0', 'GET', '/', 0],
    ['get /a?b=c HTTP/1.1', 'get', '/a?b=c', 1],
    ['GETX / HTTP/1.1', 'GETX', '/', 1],
    ["M-SEARCH!#$%&'*+.^_`|~ * HTTP/1.1", "M-SEARCH!#$%&'*+.^_`|~", '*', 1],
    ['POST /caf\xc3\xa9 HTTP/1.1', 'POST', '/caf\xc3\xa9', 1],
    ['OPTIONS * HTTP/1.1', 'OPTIONS', '*', 1],
    [`GET /${'x'.repeat(8191)} HTTP/1.1`, 'GET', `/${'x'.repeat(8191)}`, 1],
  ];
  for (const [line, method, target, minor] of good)
    t.same(parseRequestLine(line, 8192), { method, target, minor }, shown(line.slice(0, 60)));
  const bad: [string, string][] = [
    ['', 'bad_request'],
    [' ', 'bad_request'],
    ['GET', 'bad_request'],
    ['GET /', 'bad_request'],
    ['GET HTTP/1.1', 'bad_request'],
    ['GET  HTTP/1.1', 'bad_request'],
    ['GET  / HTTP/1.1', 'bad_request'],
    ['GET /  HTTP/1.1', 'bad_request'],
    ['GET / HTTP/1.1 ', 'bad_request'],
    [' GET / HTTP/1.1', 'bad_request'],
    ['GET\t/ HTTP/1.1', 'bad_request'],
    ['GET /\tHTTP/1.1', 'bad_request'],
    ['GET /a b HTTP/1.1', 'bad_request'],
    ['GET /a#b HTTP/1.1', 'bad_request'],
    ['GET /a\x00b HTTP/1.1', 'bad_request'],
    ['GET /a\x7fb HTTP/1.1', 'bad_request'],
    ['GET / http/1.1', 'bad_request'],
    ['GET / HTTP/1', 'bad_request'],
    ['GET / HTTP/1.10', 'bad_request'],
    ['GET / HTTP/01.1', 'bad_request'],
    ['GET / HTTP/1,1', 'bad_request'],
    ['GET / HTTPS/1.1', 'bad_request'],
    ['GET / HTTP/1.2', 'version'],
    ['GET / HTTP/0.9', 'version'],
    ['PRI * HTTP/2.0', 'version'],
    ['G(T / HTTP/1.1', 'bad_request'],
    ['G\xcbT / HTTP/1.1', 'bad_request'],
    [`GET /${'x'.repeat(8192)} HTTP/1.1`, 'target_too_long'],
  ];
  for (const [line, reason] of bad)
    t.match(parseRequestLine(line, 8192), { reason }, shown(line.slice(0, 60)));
});

t.test('target, Host and version together', async (t) => {
  const HOST = 'Host: t.example\r\n';
  const good: [line: string, block: string, target: string, authority: string][] = [
    ['GET /a HTTP/1.1', HOST, '/a', 't.example'],
    ['GET /a HTTP/1.0', '', '/a', ''],
    ['OPTIONS * HTTP/1.1', HOST, '*', 't.example'],
    ['GET http://t.example HTTP/1.1', HOST, '/', 't.example'],
    ['GET http://t.example?q HTTP/1.1', HOST, '/?q', 't.example'],
    ['GET HTTP://T.Example/a HTTP/1.1', HOST, '/a', 'T.Example'],
    ['GET https://t.example:8443/a HTTP/1.1', 'Host: t.example:8443\r\n', '/a', 't.example:8443'],
    ['GET http://a.example/ HTTP/1.0', '', '/', 'a.example'],
  ];
  for (const [line, block, target, authority] of good)
    t.match(headOf(line, block), { target, authority }, `${line} with ${shown(block)}`);
  const bad: [line: string, block: string, reason: string][] = [
    ['GET / HTTP/1.1', '', 'bad_request'],
    ['GET / HTTP/1.1', `${HOST}${HOST}`, 'bad_request'],
    ['GET / HTTP/1.0', `${HOST}Host: b\r\n`, 'bad_request'],
    ['GET / HTTP/1.1', 'Host: \r\n', 'bad_request'],
    ['GET / HTTP/1.1', 'Host: a b\r\n', 'bad_request'],
    ['GET / HTTP/1.1', 'Host: a@b\r\n', 'bad_request'],
    ['GET * HTTP/1.1', HOST, 'bad_request'],
    ['GET a HTTP/1.1', HOST, 'bad_request'],
    ['GET t.example:80 HTTP/1.1', HOST, 'bad_request'],
    ['GET ftp://t.example/ HTTP/1.1', HOST, 'bad_request'],
    ['GET javascript:alert(1) HTTP/1.1', HOST, 'bad_request'],
    ['GET http:///a HTTP/1.1', HOST, 'bad_request'],
    ['GET http://u@t.example/ HTTP/1.1', HOST, 'bad_request'],
    ['GET http://other.example/ HTTP/1.1', HOST, 'bad_request'],
    ['GET http://t.example:80/ HTTP/1.1', HOST, 'bad_request'],
    ['CONNECT t.example:443 HTTP/1.1', HOST, 'method_refused'],
    ['PRI / HTTP/1.1', HOST, 'method_refused'],
    ['TRACE / HTTP/1.1', HOST, 'method_refused'],
    ['POST / HTTP/1.0', `${HOST}Transfer-Encoding: chunked\r\n`, 'bad_request'],
  ];
  for (const [line, block, reason] of bad)
    t.match(headOf(line, block), { reason }, `${line} with ${shown(block)}`);
});

t.test('field blocks that are refused', async (t) => {
  const table: [string, string][] = [
    ['A b\r\n', 'bad_request'],
    [': b\r\n', 'bad_request'],
    ['A : b\r\n', 'bad_request'],
    [' A: b\r\n', 'bad_request'],
    ['A: b\r\n c\r\n', 'bad_request'],
    ['A: b\nC: d\r\n', 'bad_request'],
    ['A: b\rC: d\r\n', 'bad_request'],
    ['A: \x00\r\n', 'bad_request'],
    ['A[]: b\r\n', 'bad_request'],
    ['\xc3\xa4: b\r\n', 'bad_request'],
    ['Content-Length: \r\n', 'bad_request'],
    ['Content-Length: 5, 5\r\n', 'bad_request'],
    ['Content-Length: 5\r\ncontent-length: 5\r\n', 'bad_request'],
    ['Content-Length: 0x5\r\n', 'bad_request'],
    ['Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', 'bad_request'],
    ['Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', 'bad_request'],
    ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', 'bad_request'],
    ['Transfer-Encoding: \r\n', 'not_implemented'],
    ['Transfer-Encoding: gzip\r\n', 'not_implemented'],
    ['Transfer-Encoding: gzip, chunked\r\n', 'not_implemented'],
    ['Transfer-Encoding: chunked, chunked\r\n', 'not_implemented'],
    ['Transfer-Encoding: chunked;q=1\r\n', 'not_implemented'],
    ['Transfer-Encoding: "chunked"\r\n', 'not_implemented'],
    ['Transfer-Encoding: \x0bchunked\r\n', 'bad_request'],
    ['A: b\r\n'.repeat(101), 'head_too_large'],
  ];
  for (const [block, reason] of table)
    t.match(parseRequestFields(block, false, 100), { reason }, shown(block.slice(0, 60)));
});

t.test('what goes on to the server', async (t) => {
  const table: [block: string, forward: string][] = [
    ['', ''],
    ['Host: a\r\n', ''],
    ['A: b\r\nHost: a\r\nC: d\r\n', 'A: b\r\nC: d\r\n'],
    ['x-A:b\r\nX-a:  c  \r\nB:\td\t\r\n', 'x-A: b\r\nX-a: c\r\nB: d\r\n'],
    ['A:\r\nB: \r\n', 'A: \r\nB: \r\n'],
    ['A: \xc3\xa9\xff\r\n', 'A: \xc3\xa9\xff\r\n'],
    ['A: 1\r\nA: 2\r\nA: 1\r\n', 'A: 1\r\nA: 2\r\nA: 1\r\n'],
    ['A: b:c: d\r\n', 'A: b:c: d\r\n'],
    ['Cookie: a=b\r\nCookie: c=d\r\nUser-Agent: x\r\n', 'Cookie: a=b\r\nCookie: c=d\r\nUser-Agent: x\r\n'],
    ['Connection: close\r\nKeep-Alive: 5\r\nA: b\r\n', 'A: b\r\n'],
    ['X-A: 1\r\nConnection: x-a, X-B\r\nx-B: 2\r\nX-C: 3\r\n', 'X-C: 3\r\n'],
    ['Connection: cookie\r\nCookie: a=b\r\n', ''],
    [
      'Proxy-Connection: x\r\nProxy-Authorization: x\r\nProxy: x\r\nTE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\n',
      '',
    ],
    ['X_Forwarded_For: 1\r\nContent_Length: 5\r\nX_Own: 1\r\n', 'X_Own: 1\r\n'],
    [
      'X-Forwarded-For: 1\r\nX-Real-IP: 1\r\nForwarded: for=1\r\nX-Request-Id: 1\r\nX-Forwarded-Foo: 1\r\n',
      '',
    ],
    ['Expect: 100-continue\r\nContent-Length: 5\r\nA: b\r\n', 'A: b\r\n'],
  ];
  for (const [block, forward] of table) t.equal(fieldsOf(block).forward, forward, shown(block));
});

t.test('what is taken note of', async (t) => {
  const table: [string, Partial<RequestFields>][] = [
    ['Host:  A.example:80 \r\n', { host: 'A.example:80', hostCount: 1 }],
    ['Content-Length: 0042\r\n', { contentLength: 42, isChunked: false }],
    ['Transfer-Encoding: ChunKed\r\n', { contentLength: -1, isChunked: true }],
    ['Connection: Keep-Alive, CLOSE\r\n', { hasClose: true, hasKeepAlive: true }],
    ['Connection: upgrade\r\nUpgrade: WebSocket\r\n', { hasUpgrade: true, upgrade: 'websocket' }],
    ['Upgrade: websocket, h2c\r\n', { upgrade: 'many' }],
    ['Upgrade: websocket\r\nUpgrade: h2c\r\n', { upgrade: 'many' }],
    ['Expect: 100-Continue\r\n', { expect: '100-continue' }],
    ['Expect: 100-continue\r\nExpect: 100-continue\r\n', { expect: 'many' }],
    ['TE: gzip;q=0.5, trailers\r\n', { takesTrailers: true }],
    ['TE: xtrailers, trailersx\r\n', { takesTrailers: false }],
    ['Cookie: a=b\r\nCookie: c=d\r\n', { cookie: 'a=b; c=d' }],
    ['Cookie: a=b\r\nConnection: cookie\r\n', { cookie: '' }],
    ['User-Agent: x/1\r\n', { userAgent: 'x/1' }],
    ['X-Forwarded-For: 1.1.1.1\r\n', { incoming: null }],
  ];
  for (const [block, expected] of table) t.match(fieldsOf(block), expected, shown(block));
});

t.test('what a trusted proxy says of the client', async (t) => {
  const { incoming, forward } = fieldsOf(
    'X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2, 3.3.3.3\r\nForwarded: for=1.1.1.1\r\nForwarded: for=4.4.4.4\r\n' +
      'X-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /p\r\nX-Request-Id: r\r\nX-Real-IP: 9.9.9.9\r\n',
    true,
  );
  t.same(incoming, {
    for: '1.1.1.1, 2.2.2.2, 3.3.3.3',
    forwarded: 'for=1.1.1.1, for=4.4.4.4',
    proto: 'https',
    host: 'a',
    port: '1',
    prefix: '/p',
    requestId: 'r',
  });
  t.equal(forward, '', 'it is written anew');
});

t.test('persistence and upgrade of a whole head', async (t) => {
  const table: [line: string, block: string, keepsAlive: boolean, upgrade: string][] = [
    ['GET / HTTP/1.1', '', true, ''],
    ['GET / HTTP/1.1', 'Connection: close\r\n', false, ''],
    ['GET / HTTP/1.1', 'Connection: keep-alive, close\r\n', false, ''],
    ['GET / HTTP/1.0', '', false, ''],
    ['GET / HTTP/1.0', 'Connection: keep-alive\r\n', true, ''],
    ['GET / HTTP/1.1', 'Connection: upgrade\r\nUpgrade: websocket\r\n', true, 'websocket'],
    ['GET / HTTP/1.1', 'Upgrade: websocket\r\n', true, ''],
    ['GET / HTTP/1.0', 'Connection: upgrade\r\nUpgrade: websocket\r\n', false, ''],
    ['POST / HTTP/1.1', 'Connection: upgrade\r\nUpgrade: websocket\r\n', true, ''],
    ['GET / HTTP/1.1', 'Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n', true, ''],
    [
      'GET / HTTP/1.1',
      'Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n',
      true,
      '',
    ],
    ['GET / HTTP/1.1', 'Connection: upgrade\r\nUpgrade: h2c\r\n', true, ''],
    ['GET / HTTP/1.1', 'Connection: upgrade\r\nUpgrade: h2c, websocket\r\n', true, ''],
    ['GET / HTTP/1.1', 'Connection: upgrade\r\nUpgrade: websocket/13\r\n', true, ''],
  ];
  for (const [line, block, keepsAlive, upgrade] of table)
    t.match(headOf(line, `Host: a\r\n${block}`), { keepsAlive, upgrade }, `${line} with ${shown(block)}`);
});
