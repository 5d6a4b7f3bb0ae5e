/** The wire runner must be able to say no: proxies that do nothing, or lie, fail where they should. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import t from 'tap';
import { readMessage } from '../../support/http-message.ts';
import { expand, judge, type WireCase, type WireResult } from '../../support/wire-case.ts';
import { playCase } from '../../support/wire-runner.ts';
import { WireServer } from '../../support/wire-server.ts';

const file = new URL('../../conformance/wire-cases.json', import.meta.url);
const cases = JSON.parse(readFileSync(file, 'utf8')) as WireCase[];

t.test('a relay that looks at nothing fails whatever is about refusing or rewriting', async (t) => {
  await using server = await WireServer.open();
  const relay = createServer((client) => {
    const upstream = connect(server.port, '127.0.0.1');
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const { port } = relay.address() as AddressInfo;
  const passes: Record<string, boolean> = {
    'baseline/get': true,
    'baseline/post-content-length': true,
    'baseline/post-chunked': true,
    'request-line/fragment': false,
    'host/with-userinfo': false,
    'header/obs-fold-tab': false,
    'header/underscore-content-length': false,
  };
  for (const [id, isPassed] of Object.entries(passes)) {
    const wire = cases.find((it) => it.id === id) as WireCase;
    t.ok(wire, `${id} is a case`);
    const complaints = judge(wire, await playCase(wire, port, server));
    t.equal(complaints.length === 0, isPassed, `${id}: ${complaints.join('; ') || 'passed'}`);
  }
  relay.close();
  await once(relay, 'close');
});

const nothing: WireResult = {
  status: 200,
  answers: 1,
  isComplete: true,
  isClosed: false,
  clientText: 'HTTP/1.1 200 OK\r\n\r\n<RESPS=1><COMPLETE>',
  serverRaw: 'GET / HTTP/1.1\r\nX-A: b\r\n\r\n',
  serverText: 'GET / HTTP/1.1\r\nx-a: b\r\n\r\n<EOR>\r\n<REQS=1>',
};

t.test('every expectation can fail', async (t) => {
  const table: [WireCase['expect'], Partial<WireResult>, number][] = [
    [{ status: 200 }, {}, 0],
    [{ status: [200, 400] }, {}, 0],
    [{ status: 400 }, {}, 1],
    [{ status: 0 }, {}, 1],
    [{ closes: true }, {}, 1],
    [{ closes: true }, { isClosed: true }, 0],
    [{ closes: false }, { isClosed: true }, 1],
    [{ upstreamSees: false }, {}, 1],
    [{ upstreamSees: false }, { serverRaw: '', serverText: '<REQS=0>' }, 0],
    [{ upstreamSees: ['x-a: b', '<REQS=1>'] }, {}, 0],
    [{ upstreamSees: ['x-b', '<REQS=2>'] }, {}, 2],
    [{ upstreamMustNotSee: ['X-a', '<REQS=1>'] }, {}, 2],
    [{ clientSees: ['<COMPLETE>', '<RESPS<=1>'] }, {}, 0],
    [{ clientSees: ['<RESPS<=1>', '<RESPS=2>'] }, { answers: 2 }, 2],
    [{ clientMustNotSee: ['200 ok'] }, {}, 1],
  ];
  for (const [expect, result, complaints] of table) {
    const wire = { id: '', group: '', send: '', why: '', source: '', expect };
    t.equal(judge(wire, { ...nothing, ...result }).length, complaints, JSON.stringify({ expect, result }));
  }
});

t.test('repeats are written out', async (t) => {
  t.equal(expand('a{{bc*3}}d{{\r\n*2}}'), 'abcbcbcd\r\n\r\n');
});

t.test('messages are read strictly', async (t) => {
  const kinds: [string, string][] = [
    ['GET / HTTP/1.1\r\nA: b', 'partial'],
    ['GET / HTTP/1.1\r\nA: b\r\n\r\n', 'complete'],
    ['GET / HTTP/1.1\r\nA : b\r\n\r\n', 'bad'],
    ['GET / HTTP/1.1\r\nA\r\n\r\n', 'bad'],
    ['P / HTTP/1.1\r\nContent-Length: 2\r\n\r\na', 'partial'],
    ['P / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na', 'bad'],
    ['P / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'bad'],
    ['P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', 'complete'],
    ['P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n', 'bad'],
    ['P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab', 'partial'],
  ];
  for (const [text, kind] of kinds) t.equal(readMessage(text, 'request').kind, kind, JSON.stringify(text));
});
