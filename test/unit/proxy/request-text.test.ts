import t from 'tap';
import { HttpFault } from '../../../src/http/fault.ts';
import { parseRequestFields } from '../../../src/http/request-fields.ts';
import { buildRequestHead, parseRequestLine, type RequestHead } from '../../../src/http/request-head.ts';
import type { PoolServer } from '../../../src/pool/index.ts';
import type { Exchange } from '../../../src/proxy/exchange.ts';
import type { HostRule, PoolPlane } from '../../../src/proxy/index.ts';
import { introduction, serverRequestText } from '../../../src/proxy/request-text.ts';

const PRESERVE: HostRule = { kind: 'preserve' };
const serverAt = (host: string, port: number): PoolServer =>
  ({ id: 'a', host, port, foundAs: '' }) as PoolServer;
const server = serverAt('10.0.0.1', 8000);
const IDENTITY = 'X-Forwarded-For: 192.0.2.9\r\n';

/** `line` without its version, field lines without CRLF. */
function headOf(line: string, fieldLines: readonly string[], minor: 0 | 1 = 1): RequestHead {
  const request = parseRequestLine(`${line} HTTP/1.${minor}`, 8192);
  const fields = parseRequestFields(fieldLines.map((it) => `${it}\r\n`).join(''), false, 100);
  if (request instanceof HttpFault || fields instanceof HttpFault) throw new Error('not a request');
  const head = buildRequestHead(request, fields);
  if (head instanceof HttpFault) throw new Error(head.detail);
  return head;
}

/** As much of an exchange as its request's text is made of. */
function exchangeOf(head: RequestHead, requestId = 'id1'): Exchange {
  const asker = { authority: head.authority, identity: { text: IDENTITY } };
  const protocol = head.minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0';
  return {
    stream: { head, protocol },
    memo: { asker, serverFields: '', isRepeated: false },
    route: null,
    asker,
    requestId,
  } as unknown as Exchange;
}

t.test('what goes to a server', (t) => {
  const post = ['Host: h.example', 'X-A: 1', 'Connection: close, X-B', 'X-B: 2', 'Content-Length: 003'];
  const table: [string, RequestHead, HostRule, string][] = [
    [
      'a plain request',
      headOf('GET /a?b', ['Host: h.example', 'Accept: */*']),
      PRESERVE,
      `GET /a?b HTTP/1.1\r\nHost: h.example\r\nAccept: */*\r\n${IDENTITY}Via: 1.1 sluice\r\nX-Request-Id: id1\r\n\r\n`,
    ],
    [
      'framing and hop-by-hop fields are ours',
      headOf('POST /', post),
      PRESERVE,
      `POST / HTTP/1.1\r\nHost: h.example\r\nX-A: 1\r\nContent-Length: 3\r\n${IDENTITY}Via: 1.1 sluice\r\nX-Request-Id: id1\r\n\r\n`,
    ],
    [
      'chunks',
      headOf('POST /', ['Host: h', 'Transfer-Encoding: chunked', 'TE: trailers', 'Expect: 100-continue']),
      PRESERVE,
      `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: TE\r\nTE: trailers\r\nExpect: 100-continue\r\n${IDENTITY}Via: 1.1 sluice\r\nX-Request-Id: id1\r\n\r\n`,
    ],
    [
      'an upgrade',
      headOf('GET /', ['Host: h', 'Connection: Upgrade', 'Upgrade: WebSocket', 'Sec-WebSocket-Key: k']),
      PRESERVE,
      `GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${IDENTITY}Via: 1.1 sluice\r\nX-Request-Id: id1\r\n\r\n`,
    ],
    [
      'HTTP/1.0: the server is spoken to in 1.1, and told of it',
      headOf('GET /', ['Expect: 100-continue'], 0),
      PRESERVE,
      `GET / HTTP/1.1\r\nHost: 10.0.0.1:8000\r\n${IDENTITY}Via: 1.0 sluice\r\nX-Request-Id: id1\r\n\r\n`,
    ],
    [
      'Host of the server',
      headOf('GET /', ['Host: h']),
      { kind: 'server' },
      `GET / HTTP/1.1\r\nHost: 10.0.0.1:8000\r\n${IDENTITY}Via: 1.1 sluice\r\nX-Request-Id: id1\r\n\r\n`,
    ],
    [
      'a fixed Host',
      headOf('GET http://h/x', ['Host: h']),
      { kind: 'literal', value: 'inner.example' },
      `GET /x HTTP/1.1\r\nHost: inner.example\r\n${IDENTITY}Via: 1.1 sluice\r\nX-Request-Id: id1\r\n\r\n`,
    ],
  ];
  for (const [name, head, rule, expected] of table)
    t.equal(serverRequestText(exchangeOf(head), rule, server), expected, name);
  t.end();
});

t.test('the Host that a server is called by (B14)', (t) => {
  const table: [host: string, port: number, expected: string][] = [
    ['web.internal', 80, 'web.internal:80'],
    ['2001:db8::1', 8080, '[2001:db8::1]:8080'],
    ['fe80::1%eth0', 8080, '[fe80::1]:8080'],
    ['unix:/run/app.sock', 0, 'localhost'],
  ];
  for (const [host, port, expected] of table) {
    const exchange = exchangeOf(headOf('GET /', ['Host: h']));
    t.match(
      serverRequestText(exchange, { kind: 'server' }, serverAt(host, port)),
      `\r\nHost: ${expected}\r\n`,
    );
  }
  t.end();
});

t.test('what a connection is introduced with', (t) => {
  const of = (clientIp: string, version: 'v1' | null): string => {
    const client = { peerAddress: '192.0.2.9', peerPort: 4711, localAddress: '192.0.2.1', localPort: 443 };
    const exchange = { asker: { identity: { clientIp } }, stream: { client } } as unknown as Exchange;
    return introduction(exchange, { proxyProtocol: version } as PoolPlane);
  };
  t.equal(of('192.0.2.9', null), '');
  t.equal(of('192.0.2.9', 'v1'), 'PROXY TCP4 192.0.2.9 192.0.2.1 4711 443\r\n');
  t.equal(
    of('203.0.113.5', 'v1'),
    'PROXY TCP4 203.0.113.5 192.0.2.1 0 443\r\n',
    'the port of a proxy is not its client’s',
  );
  t.equal(of('unix:', 'v1'), 'PROXY UNKNOWN\r\n');
  t.end();
});

t.test('made once per block, and never shared where it may differ', (t) => {
  const lines = ['Host: h', 'X-A: 1'];
  const exchange = exchangeOf(headOf('GET /1', lines));
  const first = serverRequestText(exchange, PRESERVE, server);
  t.not(exchange.memo.serverFields, '');
  const second = {
    ...exchange,
    stream: { head: headOf('PUT /2', lines), protocol: 'HTTP/1.1' },
    requestId: 'id2',
  } as unknown as Exchange;
  t.equal(
    serverRequestText(second, PRESERVE, server),
    first.replace('GET /1', 'PUT /2').replace('id1', 'id2'),
    'line and id are their own',
  );
  const old = {
    ...exchange,
    stream: { head: headOf('GET /1', lines, 0), protocol: 'HTTP/1.0' },
  } as unknown as Exchange;
  t.match(serverRequestText(old, PRESERVE, server), 'Via: 1.0 sluice');
  t.match(serverRequestText(exchange, { kind: 'server' }, server), 'Host: 10.0.0.1:8000\r\n');
  t.match(
    serverRequestText(exchange, PRESERVE, server),
    'Host: h\r\n',
    'what was made for others is not kept',
  );
  const h2 = {
    ...second,
    stream: { head: headOf('GET /1', lines), protocol: 'HTTP/2' },
  } as unknown as Exchange;
  h2.memo.serverFields = '';
  t.match(serverRequestText(h2, PRESERVE, server), 'Via: 2 sluice\r\n');
  t.end();
});
