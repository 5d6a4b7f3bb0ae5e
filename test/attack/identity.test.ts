/** Who the client is: nothing that it says of itself is believed, nothing that we say of it can be taken away. */
import t from 'tap';
import { AttackTarget } from '../support/attack-target.ts';
import { loadInput } from '../support/daemon-fixture.ts';
import type { Message } from '../support/http-message.ts';
import { fieldOf, get } from '../support/peer.ts';

const OURS = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-real-ip',
  'forwarded',
  'via',
  'x-request-id',
  'host',
];

async function seen(target: AttackTarget, fields: string, method = 'GET'): Promise<Message> {
  await target.ask(get('/', fields).replace('GET', method), method);
  return target.requests.at(-1) as Message;
}

t.test('39. Connection cannot take our fields away', async (t) => {
  await using target = await AttackTarget.start();
  const names = [
    'X-Forwarded-For',
    'x-forwarded-for',
    'X-FORWARDED-HOST',
    'X-Real-Ip',
    'forwarded',
    'Via',
    'x-request-id',
    'Host',
    'X-Forwarded-Proto',
  ];
  for (const fields of [
    ...names.map((name) => `Connection: ${name}\r\n`),
    `Connection: close, ${names.join(', ')}\r\n`,
    `Connection: ${names.join(',')}\r\n`,
    names.map((name) => `Connection: ,, ${name}\t,\r\n`).join(''),
    names.map((name) => `connection:${name.toLowerCase()}\r\n`).join(''),
  ]) {
    const request = await seen(target, fields);
    for (const name of OURS)
      t.ok(fieldOf(request, name), `${name} with ${JSON.stringify(fields.slice(0, 60))}`);
    t.equal(fieldOf(request, 'x-real-ip'), '127.0.0.1');
  }
});

t.test('40. twins of our fields with _ and .', async (t) => {
  await using target = await AttackTarget.start();
  const real = [
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Forwarded-Port',
    'X-Forwarded-Prefix',
    'X-Real-IP',
    'X-Request-Id',
    'Content-Length',
    'Transfer-Encoding',
    'Proxy-Connection',
    'Keep-Alive',
    'HTTP2-Settings',
  ];
  const twins = real.flatMap((name) => [
    name.replaceAll('-', '_'),
    name.replaceAll('-', '.'),
    name.replaceAll('-', '_').toUpperCase(),
    name.replaceAll('-', '_').toLowerCase(),
    name.replace('-', '_'),
    name.replace(/-([^-]*)$/, '.$1'),
  ]);
  for (const twin of twins) {
    const request = await seen(target, `${twin}: 6.6.6.6\r\nX_Own: kept\r\n`);
    t.notOk(
      request.fields.some(([, value]) => value === '6.6.6.6'),
      twin,
    );
    t.equal(fieldOf(request, 'x_own'), 'kept', 'other names may have them');
  }
});

const CLAIMS =
  'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 6\r\nX-Forwarded-Prefix: /evil\r\nX-Forwarded-Server: evil\r\nX-Forwarded-Uri: /evil\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6;host=evil.example\r\n';

t.test('41. what a stranger claims of itself', async (t) => {
  await using target = await AttackTarget.start();
  for (const fields of [
    CLAIMS,
    CLAIMS.toLowerCase(),
    CLAIMS.toUpperCase(),
    CLAIMS + CLAIMS,
    CLAIMS.replaceAll(': ', ':\t'),
  ]) {
    const request = await seen(target, fields);
    for (const [name, value] of request.fields) t.notMatch(value, /evil|6\.6\.6\.6/i, name);
    t.equal(request.fields.filter(([name]) => name === 'x-forwarded-for').length, 1);
    t.equal(fieldOf(request, 'x-forwarded-prefix'), undefined);
    t.equal(fieldOf(request, 'x-forwarded-proto'), 'http');
  }
  t.equal((await seen(target, CLAIMS)).fields.filter(([name]) => name === 'x-forwarded-port').length, 1);
});

t.test('43. ranges that say something else than they seem to', async (t) => {
  const load = (range: string): string => {
    try {
      loadInput(
        {
          listeners: { http: { address: '127.0.0.1', port: 8080, trusted_proxies: [range] } },
          routes: [{ name: 'all', pool: 'web' }],
          pools: { web: { servers: ['127.0.0.1:1'], health: false } },
        },
        t.testdir(),
      );
      return 'taken';
    } catch (error) {
      return String(error);
    }
  };
  for (const range of [
    '::ffff:10.0.0.0/8',
    '::ffff:0:0/0',
    '10.0.0.1/8',
    '010.0.0.1',
    '10.0.0.0/33',
    '10.0.0',
    '0x0a000001',
    '167772161',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '::/129',
    '10.0.0.0/8/8',
    '*',
    'loopback',
    '',
  ])
    t.not(load(range), 'taken', range);
  for (const range of ['10.0.0.0/8', '::1', '2001:db8::/32']) t.equal(load(range), 'taken', range);
  for (const range of ['::ffff:10.0.0.0/8', '::ffff:10.0.0.0/104', '::ffff:127.0.0.1'])
    t.match(load(range), /IPv4|96 to 128/, 'it says how to write it');
  await using wide = await AttackTarget.start({ listener: { trusted_proxies: ['::/0'] } });
  t.equal(fieldOf(await seen(wide, CLAIMS), 'x-real-ip'), '127.0.0.1', '::/0 says nothing about IPv4');
});

t.test('44. the right-most hop that is not ours is the client', async (t) => {
  await using target = await AttackTarget.start({
    listener: { trusted_proxies: ['127.0.0.1', '10.0.0.0/8', '2001:db8::/32'] },
  });
  const table: [chain: string, client: string][] = [
    ['6.6.6.6, 203.0.113.7', '203.0.113.7'],
    ['127.0.0.1, 203.0.113.7', '203.0.113.7'],
    ['6.6.6.6, 203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['6.6.6.6, 203.0.113.7,10.1.2.3 , 10.0.0.1', '203.0.113.7'],
    ['10.0.0.9, 10.0.0.8', '10.0.0.9'],
    ['6.6.6.6, ::ffff:203.0.113.7', '203.0.113.7'],
    ['6.6.6.6, ::ffff:10.0.0.1', '6.6.6.6'],
    ['6.6.6.6, 203.0.113.7:4711', '203.0.113.7'],
    ['6.6.6.6, [2001:db9::1]:4711, 2001:db8::5', '2001:db9::1'],
    // What is no address ends the chain: the last hop that is known counts.
    ['6.6.6.6, unknown', '127.0.0.1'],
    ['6.6.6.6, _hidden, 10.0.0.1', '10.0.0.1'],
    ['6.6.6.6, 010.0.0.1', '127.0.0.1'],
    ['6.6.6.6 203.0.113.7', '127.0.0.1'],
  ];
  for (const [chain, client] of table)
    t.equal(fieldOf(await seen(target, `X-Forwarded-For: ${chain}\r\n`), 'x-real-ip'), client, chain);
  const two = await seen(target, 'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.7\r\n');
  t.equal(fieldOf(two, 'x-real-ip'), '203.0.113.7', 'two lines are one list');
});
