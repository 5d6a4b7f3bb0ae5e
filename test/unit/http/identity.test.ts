/** Who the client is: what is believed, what is told to the server, and what text of others can do in it (nothing). */
import t from 'tap';
import { buildIdentity } from '../../../src/http/index.ts';
import type { ForwardedFields } from '../../../src/http/request-fields.ts';

const NOTHING: ForwardedFields = {
  for: '',
  proto: '',
  host: '',
  port: '',
  prefix: '',
  forwarded: '',
  requestId: '',
};

const isTrusted = (ip: string): boolean => ip.startsWith('10.') || ip === 'fd00::1';

function identify(incoming: Partial<ForwardedFields> | null, more: Record<string, unknown> = {}) {
  const identity = buildIdentity({
    peerAddress: '10.0.0.1',
    localPort: 80,
    isTls: false,
    authority: 't.example',
    incoming: incoming === null ? null : { ...NOTHING, ...incoming },
    isTrusted,
    ...more,
  });
  const lines = identity.text.split('\r\n').filter((line) => line !== '');
  const fields = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  return { ...identity, fields };
}

t.test('a stranger', async (t) => {
  const { clientIp, requestId, fields } = identify(null, { peerAddress: '203.0.113.5' });
  t.equal(clientIp, '203.0.113.5');
  t.equal(requestId, '');
  t.same(fields, {
    'X-Forwarded-For': '203.0.113.5',
    'X-Forwarded-Proto': 'http',
    'X-Forwarded-Host': 't.example',
    'X-Forwarded-Port': '80',
    'X-Real-IP': '203.0.113.5',
    Forwarded: 'for=203.0.113.5;host=t.example;proto=http',
  });
});

t.test('IPv6, TLS, a port in Host, no Host', async (t) => {
  const { fields } = identify(null, { peerAddress: '2001:db8::1', isTls: true, authority: 't.example:8443' });
  t.equal(fields['X-Forwarded-For'], '2001:db8::1');
  t.equal(fields['Forwarded'], 'for="[2001:db8::1]";host="t.example:8443";proto=https');
  const without = identify(null, { authority: '' });
  t.equal(without.fields['X-Forwarded-Host'], undefined);
  t.equal(without.fields['Forwarded'], 'for=10.0.0.1;proto=http');
});

t.test('the interface of a link-local address is nobody else’s affair', async (t) => {
  const { clientIp, fields } = identify(null, { peerAddress: 'fe80::7%eth0' });
  t.equal(clientIp, 'fe80::7%eth0', 'here it is told apart');
  t.match(fields, {
    'X-Forwarded-For': 'fe80::7',
    'X-Real-IP': 'fe80::7',
    Forwarded: 'for="[fe80::7]";host=t.example;proto=http',
  });
  const chain = identify({ for: 'fe80::8%eth1' });
  t.match(chain.fields, { 'X-Forwarded-For': 'fe80::8, 10.0.0.1', 'X-Real-IP': 'fe80::8' });
});

t.test('a client without an address', async (t) => {
  const local = { peerAddress: 'unix:', localPort: 0 };
  const { clientIp, fields } = identify(null, local);
  t.equal(clientIp, 'unix:');
  t.same(fields, {
    'X-Forwarded-Proto': 'http',
    'X-Forwarded-Host': 't.example',
    Forwarded: 'for=unknown;host=t.example;proto=http',
  });
  const trusted = { ...local, isTrusted: (ip: string) => ip === 'unix:' };
  t.match(identify({ for: '203.0.113.5', port: '443' }, trusted), {
    clientIp: '203.0.113.5',
    fields: {
      'X-Forwarded-For': '203.0.113.5',
      'X-Forwarded-Port': '443',
      'X-Real-IP': '203.0.113.5',
      Forwarded: 'for=203.0.113.5, for=unknown;host=t.example;proto=http',
    },
  });
  const silent = identify({ proto: 'https' }, trusted);
  t.equal(silent.clientIp, 'unix:');
  t.same(silent.fields, {
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 't.example',
    Forwarded: 'for=unknown;host=t.example;proto=http',
  });
});

t.test('the client is the right-most address that is not ours', async (t) => {
  const table: [chain: string, peer: string, client: string][] = [
    ['203.0.113.5', '10.0.0.1', '203.0.113.5'],
    ['203.0.113.5, 10.0.0.2', '10.0.0.1', '203.0.113.5'],
    ['1.1.1.1, 203.0.113.5, 10.0.0.2', '10.0.0.1', '203.0.113.5'],
    ['10.0.0.3, 10.0.0.2', '10.0.0.1', '10.0.0.3'],
    ['', '10.0.0.1', '10.0.0.1'],
    ['203.0.113.5:1234', '10.0.0.1', '203.0.113.5'],
    ['[2001:db8::1]:1234', '10.0.0.1', '2001:db8::1'],
    ['2001:db8::1', 'fd00::1', '2001:db8::1'],
    ['::ffff:203.0.113.5', '10.0.0.1', '203.0.113.5'],
    // What is no address ends the chain: whatever stands left of it was said to a proxy that let it pass.
    ['203.0.113.5, unknown', '10.0.0.1', '10.0.0.1'],
    ['203.0.113.5, unknown, 10.0.0.2', '10.0.0.1', '10.0.0.2'],
    ['203.0.113.5, 1.2.3', '10.0.0.1', '10.0.0.1'],
    ['203.0.113.5, <script>', '10.0.0.1', '10.0.0.1'],
    ['203.0.113.5,', '10.0.0.1', '10.0.0.1'],
    ['203.0.113.5, 010.0.0.1', '10.0.0.1', '10.0.0.1'],
  ];
  for (const [chain, peerAddress, client] of table) {
    t.equal(identify({ for: chain }, { peerAddress }).clientIp, client, `${chain} by ${peerAddress}`);
  }
});

t.test('Forwarded serves when there is no X-Forwarded-For', async (t) => {
  const table: [forwarded: string, client: string][] = [
    ['for=203.0.113.5', '203.0.113.5'],
    ['for=203.0.113.5;proto=https, for=10.0.0.2', '203.0.113.5'],
    ['For="[2001:db8::1]:80"', '2001:db8::1'],
    ['proto=https;for=203.0.113.5;by=10.0.0.9', '203.0.113.5'],
    ['for=unknown', '10.0.0.1'],
    ['for=_hidden, for=203.0.113.5', '203.0.113.5'],
    ['xfor=203.0.113.5', '10.0.0.1'],
  ];
  for (const [forwarded, client] of table) t.equal(identify({ forwarded }).clientIp, client, forwarded);
});

t.test('the chain goes on, by us last (B13)', async (t) => {
  const { fields } = identify({
    for: '203.0.113.5, 10.0.0.2',
    proto: 'HTTPS',
    host: 'shop.example',
    port: '443',
    prefix: '/shop',
  });
  t.same(fields, {
    'X-Forwarded-For': '203.0.113.5, 10.0.0.2, 10.0.0.1',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'shop.example',
    'X-Forwarded-Port': '443',
    'X-Forwarded-Prefix': '/shop',
    'X-Real-IP': '203.0.113.5',
    Forwarded: 'for=203.0.113.5, for=10.0.0.2, for=10.0.0.1;host=t.example;proto=http',
  });
  t.equal(
    identify({ forwarded: 'for=1.1.1.1;secret=x' }).fields['Forwarded'],
    'for=1.1.1.1;secret=x, for=10.0.0.1;host=t.example;proto=http',
    'what others wrote in it stays',
  );
});

t.test('junk is replaced by what we know', async (t) => {
  const { fields } = identify({
    proto: 'javascript',
    host: 'a b',
    port: '65536',
    prefix: 'no slash',
    for: 'junk',
  });
  t.match(fields, {
    'X-Forwarded-For': '10.0.0.1',
    'X-Forwarded-Proto': 'http',
    'X-Forwarded-Host': 't.example',
    'X-Forwarded-Port': '80',
  });
  t.equal(fields['X-Forwarded-Prefix'], undefined);
});

t.test('request ids of a trusted proxy', async (t) => {
  const table: [string, string][] = [
    ['abc-123', 'abc-123'],
    ['4bf92f3577b34da6a3ce929d0e0e4736', '4bf92f3577b34da6a3ce929d0e0e4736'],
    ['a'.repeat(128), 'a'.repeat(128)],
    ['a'.repeat(129), ''],
    ['a b', ''],
    ['a"b', ''],
    ['<a>', ''],
    ['caf\xe9', ''],
    ['', ''],
  ];
  for (const [given, taken] of table)
    t.equal(identify({ requestId: given }).requestId, taken, given.slice(0, 20));
});

t.test('a long chain is cut on the left', async (t) => {
  const chain = Array.from({ length: 200 }, (_, i) => `192.0.2.${i % 250}`).join(', ');
  const { fields } = identify({ for: chain });
  t.equal(fields['X-Forwarded-For']?.split(', ').length, 65);
});
