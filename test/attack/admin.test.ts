/** The admin API and the file: what a page in a browser, a spelling of a path, or a hostile text can do. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadConfig } from '../../src/config/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { AdminFixture, webOf } from '../support/admin-fixture.ts';
import { Peer } from '../support/peer.ts';

const SERVER = '127.0.0.1:9';
const PATH = `/api/v1/pools/web/servers/${encodeURIComponent(SERVER)}`;

t.test('54. a page of another origin, and a name that was bound anew', async (t) => {
  await using sluice = await AdminFixture.start(webOf([SERVER]));
  for (const [headers, status] of [
    [{ origin: 'http://evil.example' }, 403],
    [{ host: 'evil.example:9900' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'content-type': 'text/plain' }, 415],
  ] as [Record<string, string>, number][]) {
    const answer = await sluice.api(PATH, { method: 'PATCH', headers, body: '{"weight":7}' });
    t.equal(answer.status, status, JSON.stringify(headers));
  }
  t.match((await sluice.api(PATH)).body, { weight: 1 }, 'nothing has changed');
});

t.test('55. spellings of a path that needs a token', async (t) => {
  await using sluice = await AdminFixture.start(webOf([SERVER]));
  const paths = [
    '/api/v1/pools',
    '//api/v1/pools',
    '/api//v1/pools',
    '/api/v1/pools/',
    '/API/V1/POOLS',
    '/api/v1/../v1/pools',
    '/healthz/../api/v1/pools',
    '/healthz/%2e%2e/api/v1/pools',
    '/healthz/..%2fapi/v1/pools',
    '/%61pi/v1/pools',
    '/api%2fv1%2fpools',
    '/api/v1/pools/%77eb',
    '/api/v1/pools/web/servers/00',
    '/api/v1/pools;x=/healthz',
    '/api/v1/pools?/healthz',
    '/healthz?/api/v1/pools/../..',
    '/metrics/',
    '//metrics',
    'http://127.0.0.1/api/v1/pools',
  ];
  for (const path of paths)
    for (const method of ['GET', 'POST', 'PATCH', 'DELETE']) {
      await using client = await Peer.connect(sluice.port);
      client.write(
        `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
      const answer = await client.answer(method);
      t.notMatch(answer.body, /127\.0\.0\.1:9/, `${method} ${path}: ${answer.status}`);
      const isProbe = path.startsWith('/healthz?') && method === 'GET';
      t.ok(
        isProbe ? answer.status === 200 : [400, 401, 403, 404, 405, 415].includes(answer.status),
        `${answer.status}`,
      );
    }
  t.match((await sluice.api(PATH)).body, { weight: 1 });
});

t.test('49. a body with thousands of keys that are numbers', async (t) => {
  await using sluice = await AdminFixture.start(webOf([SERVER]));
  const keys = Array.from({ length: 5000 }, (_, i) => `"${i * 65_536}":1`).join(',');
  for (const body of [
    `{${keys}}`.slice(0, 60_000),
    `{${keys.slice(0, 50_000).replace(/,[^,]*$/, '')}}`,
    '{"__proto__":{"weight":7}}',
    '{"constructor":{"prototype":{}}}',
    '['.repeat(30_000),
    '{"a":'.repeat(10_000),
  ]) {
    const answer = await sluice.api(PATH, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body,
    });
    t.ok([400, 413, 422].includes(answer.status), `${answer.status} for ${body.slice(0, 30)}`);
  }
  t.match((await sluice.api(PATH)).body, { weight: 1 });
});

t.test('59. hostile YAML is an error, and what is in force stays', async (t) => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]},`.repeat(9).slice(0, -1)}]\n`)
    .join('')}listen: *i\n`;
  t.ok(bomb.length < 1024);
  const texts = [
    bomb,
    'listen: ":8080"\nservers: [127.0.0.1:1]\n<<: { __proto__: { admin: x } }\n',
    'listen: ":8080"\nservers: [127.0.0.1:1]\n__proto__: { a: b }\n',
    'listen: ":8080"\nservers: [127.0.0.1:1]\nconstructor: { prototype: { a: b } }\n',
    '&a [*a]\n',
    'a: &a { b: *a }\n',
    `${'['.repeat(5000)}\n`,
    `${'{a: '.repeat(5000)}\n`,
    '!!js/function "x"\n',
    '? [a]\n: b\n',
    '"\\uD800": x\n',
    '\0',
    'listen: !!binary aGk=\n',
  ];
  const folder = t.testdir();
  for (const [i, text] of texts.entries()) {
    const file = join(folder, `${i}.yaml`);
    writeFileSync(file, text);
    const result = loadConfig({ file }, { env: {}, wallMs: systemClock.wallMs() });
    t.equal(result.ok, false, JSON.stringify(text.slice(0, 60)));
  }
  t.equal(({} as Record<string, unknown>)['admin'], undefined, 'no prototype was touched');
  await using sluice = await AdminFixture.start(webOf([SERVER]));
  for (const text of texts) {
    writeFileSync(join(sluice.folder, 'sluice.yaml'), text);
    t.equal((await sluice.api('/api/v1/reload', { method: 'POST' })).status, 422);
  }
  t.match((await sluice.api(PATH)).body, { weight: 1 }, 'the old one is in force');
});
