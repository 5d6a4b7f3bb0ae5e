/** Rules about paths and hosts: every spelling of what is denied is denied, refused, or really something else. */
import t from 'tap';
import { AttackTarget } from '../support/attack-target.ts';
import { get, ok } from '../support/peer.ts';

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n';

const SPELLINGS = [
  '/admin/x',
  '/admin',
  '/admin/',
  '//admin/x',
  '///admin//x',
  '/./admin/x',
  '/x/../admin/x',
  '/x/y/../../admin/x',
  '/%61dmin/x',
  '/%61%64%6D%69%6e/x',
  '/%2e/admin/x',
  '/x/%2e%2e/admin/x',
  '/x/%2E./admin/x',
  '/x/.%2e/admin/x',
  '/admin%2fx',
  '/admin%2Fx',
  '/%2fadmin/x',
  '/x/..%2fadmin/x',
  '/x/..%5cadmin/x',
  '/admin\\x',
  '/admin%5cx',
  '/x\\..\\admin/x',
  '/x/..;/admin/x',
  '/x/..;a=b/admin/x',
  '/x//../admin/x',
  '/admin%00/x',
  '/admin/x%00',
  '/admin/%2e%2e/admin/x',
  '/admin/x?y=/../../z',
  '/../admin/x',
  '/admin/.',
  '/admin/..%2fx',
  'http://t.example/admin/x',
  'HTTP://T.EXAMPLE//admin/x',
  'http://t.example/x/../admin/x',
];

t.test('35. spellings of a denied path, asked for and upgraded to', async (t) => {
  await using target = await AttackTarget.start();
  for (const path of SPELLINGS)
    for (const fields of ['', UPGRADE]) {
      const { length } = target.raw;
      const answer = await target.ask(get(path, fields));
      t.ok([400, 403].includes(answer.status), `${answer.status} for ${path}`);
      t.equal(target.raw.length, length, 'nothing got to the server');
    }
  for (const path of [
    '/administrator',
    '/admin-x',
    '/Admin/x',
    '/x/admin',
    '/x?/admin/x',
    '/%2561dmin/x',
    '/admin.x',
    '/x/.admin',
  ]) {
    t.equal((await target.ask(get(path))).status, 200, path);
    t.equal(target.requests.at(-1)?.start, `GET ${path} HTTP/1.1`, 'the server gets the bytes that came');
  }
});

t.test('36. a fragment', async (t) => {
  await using target = await AttackTarget.start();
  for (const path of [
    '/a#b',
    '/#',
    '#',
    '/admin/x#',
    '/x#/../admin/x',
    '/x?y#z',
    '/x?#',
    'http://t.example/#',
    'http://t.example#/admin/x',
    '/a%20#',
  ])
    for (const fields of ['', UPGRADE]) await target.refuses(t, get(path, fields));
});

t.test('37. every form of a host takes its route or none', async (t) => {
  await using target = await AttackTarget.start({
    file: {
      routes: [
        { name: 'secret', match: { host: 'secret.example' }, respond: { status: 403, body: 'no' } },
        { name: 'wild', match: { host: '*.inner.example' }, respond: { status: 403, body: 'no' } },
        { name: 'all', pool: 'web' },
      ],
    },
  });
  const ask = async (host: string, line = '/'): Promise<number> =>
    (await target.ask(`GET ${line} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status;
  for (const host of [
    'secret.example',
    'SECRET.EXAMPLE',
    'Secret.Example',
    'secret.example.',
    'secret.example:80',
    'secret.example:8443',
    'secret.example.:80',
    'secret.example:',
    'a.inner.example',
    'A.Inner.Example.',
    'a.b.inner.example:1',
  ]) {
    t.equal(await ask(host), 403, host);
    t.equal(await ask(host, `http://${host}/`), 403, `absolute ${host}`);
  }
  for (const host of [
    'xsecret.example',
    'secret.example.evil',
    'secret.examplex',
    'inner.example',
    'ainner.example',
    'secret-example',
  ])
    t.equal(await ask(host), 200, host);
  for (const host of [
    'secret.example@evil',
    'evil@secret.example',
    'secret.example/x',
    'secret.example#',
    'secret.example,evil',
    'secret.example evil',
    'secret.example:x',
    '[secret.example]',
    'secret.example\\evil',
  ])
    t.equal(await ask(host), 400, host);
  t.equal(await ask('t.example', 'http://secret.example/'), 400, 'two names for one request');
});

t.test('38. what was worked out for one request is not taken for another', async (t) => {
  const said = (name: string) => (request: { start: string }) => ok(`${name} ${request.start.split(' ')[1]}`);
  await using other = await AttackTarget.start({ answer: said('b') });
  await using target = await AttackTarget.start({
    answer: said('a'),
    file: {
      routes: [
        { name: 'b-host', match: { host: 'b.example' }, pool: 'b' },
        { name: 'b-path', match: { path: '/1/*' }, pool: 'b' },
        { name: 'a', pool: 'web' },
      ],
      pools: {
        web: { servers: ['127.0.0.1:1'], health: false },
        b: { servers: [other.address], health: false },
      },
    },
  }).catch(async (error: unknown) => {
    throw error;
  });
  const client = await target.client();
  // The key of a cache made of host, port and path put together would be the same for both.
  const pairs: [host: string, path: string, isB: boolean][] = [
    ['b.example', '/x', true],
    ['a.example', '/1/x', true],
    ['b.example:31', '/001/x', true],
    ['a.example:3100', '/1/x', true],
    ['B.example', '/2/x', true],
  ];
  for (let round = 0; round < 20; round++)
    for (const [host, path] of pairs) {
      const answer = await client.ask(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX: same\r\n\r\n`);
      t.equal(answer.body, `b ${path}`, `${host} ${path}`);
    }
  // And the like that goes elsewhere, on the same connection, with the same fields.
  const none = await client.ask('GET /001/x HTTP/1.1\r\nHost: a.example:31\r\nX: same\r\n\r\n');
  t.equal(none.status, 502, 'the other pool, whose server is not there');
  client.destroy();
});
