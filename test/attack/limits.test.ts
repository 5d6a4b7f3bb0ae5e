/** Limits that are counted by client: neither a header nor a family of addresses makes one client many, or many one. */
import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { AttackTarget } from '../support/attack-target.ts';
import { get, Peer } from '../support/peer.ts';

const SPOOFED = [
  'X-Forwarded-For',
  'Forwarded',
  'X-Real-IP',
  'X-Client-IP',
  'CF-Connecting-IP',
  'True-Client-IP',
  'X_Forwarded_For',
  'X-Cluster-Client-Ip',
];

t.test('45. the key of a limit cannot be chosen', async (t) => {
  for (const limit of ['3/m', { rate: '3/m', burst: 3 }] as const) {
    await using target = await AttackTarget.start({
      file: { routes: [{ name: 'all', pool: 'web', rate_limit: limit }] },
    });
    const statuses: number[] = [];
    for (const [i, name] of SPOOFED.entries()) {
      const value = name === 'Forwarded' ? `for=10.0.0.${i}` : `10.0.0.${i}`;
      const fields = `${name}: ${value}\r\nConnection: X-Forwarded-For\r\nUser-Agent: ${i}\r\n`;
      statuses.push((await target.ask(get(`/${i}`, fields))).status);
    }
    t.same(statuses, [200, 200, 200, 429, 429, 429, 429, 429]);
  }
});

t.test('45. IPv4 clients of a dual-stack socket are two, and so is one that is mapped', async (t) => {
  await using target = await AttackTarget.start({
    file: {
      listeners: { http: { port: 0 } },
      routes: [{ name: 'all', pool: 'web', rate_limit: '2/m' }],
    },
  });
  const from = async (host: string, localAddress?: string): Promise<number> => {
    const socket = connect({
      host,
      port: target.daemon.port(),
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    await once(socket, 'connect');
    await using client = new Peer(socket, 'client');
    return (await client.ask(get())).status;
  };
  const all = async (host: string, localAddress?: string): Promise<number[]> => [
    await from(host, localAddress),
    await from(host, localAddress),
    await from(host, localAddress),
  ];
  t.same(await all('127.0.0.1', '127.0.0.2'), [200, 200, 429]);
  t.same(await all('127.0.0.1', '127.0.0.3'), [200, 200, 429], 'another IPv4 client has its own');
  t.equal(await from('::ffff:127.0.0.1', '::ffff:127.0.0.2'), 429, 'the same one, mapped, has no other');
  t.same(await all('::1'), [200, 200, 429], 'IPv6 is apart');
});

t.test('45. IPv6 clients are counted by /64', async (t) => {
  await using target = await AttackTarget.start({
    listener: { trusted_proxies: ['127.0.0.1'] },
    file: { routes: [{ name: 'all', pool: 'web', rate_limit: '2/m' }] },
  });
  const as = async (ip: string): Promise<number> =>
    (await target.ask(get('/', `X-Forwarded-For: ${ip}\r\n`))).status;
  t.equal(await as('2001:db8:0:1::1'), 200);
  t.equal(await as('2001:db8:0:1:ffff::2'), 200);
  t.equal(await as('2001:DB8::1:0:0:0:3'), 429, 'the same /64');
  t.equal(await as('2001:db8:0:2::1'), 200, 'another');
  t.equal(await as('1.2.3.4'), 200);
  t.equal(await as('::ffff:1.2.3.4'), 200);
  t.equal(await as('::ffff:102:304'), 429, 'mapped is IPv4');
  t.equal(await as('1.2.3.5'), 200);
});
