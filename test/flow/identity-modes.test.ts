/**
 * The four things that can happen to what a proxy says of the client (B13), over each wire: it is added, it takes the place of what
 * came, it goes on behind what a trusted proxy said, or it is left out.
 */
import { networkInterfaces } from 'node:os';
import t from 'tap';
import { valuesOf } from '../support/http-message.ts';
import { ThreeWires, WIRE_NAMES, type WireName } from '../support/three-wires.ts';

type Fields = [name: string, value: string][];
const OURS = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-real-ip',
  'forwarded',
  'via',
];
const VIA: Record<WireName, string> = { raw: '1.1 sluice', node: '1.1 sluice', h2: '2 sluice' };
const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some((it) => it.address === '::1'));

/** Every line of ours that the server got, in order. */
async function told(three: ThreeWires, wire: WireName, fields: Fields = [], host?: string) {
  const { status, request } = await three.see(wire, '/', fields, host);
  if (status !== 200 || !request) throw new Error(`${wire}: ${status}`);
  return Object.fromEntries(OURS.map((name) => [name, valuesOf(request, name)]));
}

t.test('added where nothing was said, in the place of what a stranger said (B13)', async (t) => {
  await using three = await ThreeWires.start();
  for (const wire of WIRE_NAMES) {
    const ours = {
      'x-forwarded-for': ['127.0.0.1'],
      'x-forwarded-proto': ['http'],
      'x-forwarded-host': ['t.example'],
      'x-forwarded-port': [`${three.daemon.port(wire)}`],
      'x-forwarded-prefix': [],
      'x-real-ip': ['127.0.0.1'],
      forwarded: ['for=127.0.0.1;host=t.example;proto=http'],
      via: [VIA[wire]],
    };
    t.same(await told(three, wire), ours, `${wire}: nothing said`);
    const lies: Fields = [
      ['X-Forwarded-For', '1.1.1.1'],
      ['x-forwarded-for', '1.1.1.2, 1.1.1.3'],
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Host', 'evil.example'],
      ['X-Forwarded-Port', '1'],
      ['X-Forwarded-Prefix', '/evil'],
      ['X-Real-IP', '2.2.2.2'],
      ['Forwarded', 'for=3.3.3.3'],
      ['forwarded', 'for="[2001:db8::3]";proto=https'],
    ];
    t.same(await told(three, wire, lies), ours, `${wire}: lies`);
    t.same(
      (await told(three, wire, [['Via', '1.0 cache, 1.1 edge']]))['via'],
      ['1.0 cache, 1.1 edge', VIA[wire]],
      `${wire}: Via goes on whoever wrote it`,
    );
  }
});

t.test('appended to the list of a trusted proxy (B13)', async (t) => {
  await using three = await ThreeWires.start(
    {},
    { address: '127.0.0.1', trusted_proxies: ['127.0.0.1', '10.0.0.0/8', '2001:db8:1::/48'] },
  );
  const own = 'for=127.0.0.1;host=t.example;proto=http';
  const table: [what: string, fields: Fields, chain: string, realIp: string, forwarded: string][] = [
    [
      'one list',
      [['X-Forwarded-For', '203.0.113.7, 10.0.0.9']],
      '203.0.113.7, 10.0.0.9, 127.0.0.1',
      '203.0.113.7',
      `for=203.0.113.7, for=10.0.0.9, ${own}`,
    ],
    [
      'several lines are one list',
      [
        ['X-Forwarded-For', '203.0.113.7'],
        ['X-Forwarded-For', '10.0.0.9'],
      ],
      '203.0.113.7, 10.0.0.9, 127.0.0.1',
      '203.0.113.7',
      `for=203.0.113.7, for=10.0.0.9, ${own}`,
    ],
    [
      'IPv6 is quoted in Forwarded, and only there',
      [['X-Forwarded-For', '2001:db8:2::7, 2001:db8:1::9']],
      '2001:db8:2::7, 2001:db8:1::9, 127.0.0.1',
      '2001:db8:2::7',
      `for="[2001:db8:2::7]", for="[2001:db8:1::9]", ${own}`,
    ],
    [
      'with ports',
      [['X-Forwarded-For', '[2001:db8:2::7]:4711, 10.0.0.9:80']],
      '2001:db8:2::7, 10.0.0.9, 127.0.0.1',
      '2001:db8:2::7',
      `for="[2001:db8:2::7]", for=10.0.0.9, ${own}`,
    ],
    [
      'Forwarded alone',
      [['Forwarded', 'for="[2001:db8:2::7]:4711";proto=https, for=10.0.0.9;by=_edge']],
      '2001:db8:2::7, 10.0.0.9, 127.0.0.1',
      '2001:db8:2::7',
      `for="[2001:db8:2::7]:4711";proto=https, for=10.0.0.9;by=_edge, ${own}`,
    ],
    [
      'several lines of Forwarded',
      [
        ['Forwarded', 'for=203.0.113.7'],
        ['Forwarded', 'for=10.0.0.9'],
      ],
      '203.0.113.7, 10.0.0.9, 127.0.0.1',
      '203.0.113.7',
      `for=203.0.113.7, for=10.0.0.9, ${own}`,
    ],
    ['nothing said', [], '127.0.0.1', '127.0.0.1', own],
  ];
  for (const wire of WIRE_NAMES)
    for (const [what, fields, chain, realIp, forwarded] of table)
      t.match(
        await told(three, wire, fields),
        { 'x-forwarded-for': [chain], 'x-real-ip': [realIp], forwarded: [forwarded] },
        `${wire}: ${what}`,
      );
});

t.test('a peer with an IPv6 address (B13)', { skip: !hasIPv6 && 'this machine has no ::1' }, async (t) => {
  await using three = await ThreeWires.start({}, { address: '::1' });
  for (const wire of WIRE_NAMES)
    t.match(
      await told(three, wire, [['Forwarded', 'for=3.3.3.3']], '::1'),
      {
        'x-forwarded-for': ['::1'],
        'x-real-ip': ['::1'],
        forwarded: ['for="[::1]";host=t.example;proto=http'],
      },
      wire,
    );
});

t.test('left out by the route, or said otherwise (B13)', async (t) => {
  // Via stays: by it loops are seen (RFC 9110 section 7.6.3), and `check` refuses to remove it.
  const remove = OURS.filter((name) => name !== 'via');
  await using three = await ThreeWires.start({
    routes: [{ pool: 'web', headers: { request: { remove, set: { 'X-Real-IP': 'hidden' } } } }],
  });
  for (const wire of WIRE_NAMES) {
    const lies: Fields = remove.map((name) => [name, name === 'x-forwarded-prefix' ? '/x' : '1.1.1.1']);
    for (const fields of [[], lies])
      t.same(
        await told(three, wire, fields),
        {
          ...Object.fromEntries(remove.map((name) => [name, []])),
          'x-real-ip': ['hidden'],
          via: [VIA[wire]],
        },
        wire,
      );
  }
});
