/** One look-up over the wire: what each kind of answer, and of none, is taken for. */
import t from 'tap';
import type { DnsSource } from '../../../src/control/discovery/decide.ts';
import { lookUp } from '../../../src/control/discovery/lookup.ts';
import { DnsServer } from '../../support/dns-server.ts';

const source = (dns: DnsServer, more: Partial<DnsSource> = {}): DnsSource => ({
  pool: 'web',
  kind: 'address',
  name: 'books.internal',
  port: 8080,
  family: 'any',
  resolvers: [dns.address],
  refreshMs: null,
  keepEmptyMs: 0,
  ...more,
});

t.test('A and AAAA, with the TTL of the one that expires first', async (t) => {
  await using dns = await DnsServer.open();
  dns.set(
    'books.internal',
    { type: 'A', address: '10.0.0.2', ttl: 60 },
    { type: 'A', address: '10.0.0.1', ttl: 30 },
    { type: 'AAAA', address: '2001:db8::1', ttl: 90 },
  );
  t.same(await lookUp(source(dns)).answer, {
    kind: 'targets',
    targets: [
      {
        name: 'books.internal',
        port: 8080,
        priority: -1,
        weight: -1,
        families: [
          { family: 4, answer: { kind: 'found', addresses: ['10.0.0.2', '10.0.0.1'], ttlMs: 30_000 } },
          { family: 6, answer: { kind: 'found', addresses: ['2001:db8::1'], ttlMs: 90_000 } },
        ],
      },
    ],
  });
});

t.test('one family only is asked for where only that is wanted', async (t) => {
  await using dns = await DnsServer.open();
  dns.setAddresses('books.internal', ['10.0.0.1', '2001:db8::1']);
  await lookUp(source(dns, { family: 'ipv4' })).answer;
  t.same(
    dns.questions.map((it) => it.type),
    ['A'],
  );
  await lookUp(source(dns, { family: 'ipv6' })).answer;
  t.equal(dns.questions.at(-1)?.type, 'AAAA');
});

t.test('an answer that was cut short is asked for again over TCP', async (t) => {
  await using dns = await DnsServer.open();
  const many = Array.from({ length: 200 }, (_, i) => `10.0.1.${i + 1}`);
  dns.setAddresses('books.internal', many);
  dns.mood = 'cut';
  const answer = await lookUp(source(dns, { family: 'ipv4' })).answer;
  t.match(answer, { targets: [{ families: [{ answer: { kind: 'found', addresses: many } }] }] });
  t.same(
    dns.questions.map((it) => it.isTcp),
    [false, true],
  );
});

t.test('an answer to another question is not believed', async (t) => {
  await using dns = await DnsServer.open();
  dns.setAddresses('books.internal', ['10.0.0.1']);
  dns.isHaunted = true;
  const answer = await lookUp(source(dns, { family: 'ipv4' })).answer;
  t.match(answer, { targets: [{ families: [{ answer: { addresses: ['10.0.0.1'] } }] }] });
});

t.test('SRV: each target with its own addresses', async (t) => {
  await using dns = await DnsServer.open();
  dns.set(
    '_http._tcp.books',
    { type: 'SRV', target: 'b.books', port: 8082, priority: 20, weight: 5 },
    { type: 'SRV', target: 'a.books', port: 8081, priority: 10, weight: 60 },
    { type: 'SRV', target: 'gone.books', port: 8083, priority: 10, weight: 1 },
  );
  dns.setAddresses('a.books', ['10.0.0.1', '10.0.0.2'], 9);
  dns.setAddresses('b.books', ['10.0.0.3'], 9);
  const answer = await lookUp(source(dns, { kind: 'srv', name: '_http._tcp.books', family: 'ipv4' })).answer;
  const found = (...addresses: string[]) => [
    { family: 4, answer: { kind: 'found', addresses, ttlMs: 9000 } },
  ];
  t.same(answer, {
    kind: 'targets',
    targets: [
      { name: 'a.books', port: 8081, priority: 10, weight: 60, families: found('10.0.0.1', '10.0.0.2') },
      {
        name: 'gone.books',
        port: 8083,
        priority: 10,
        weight: 1,
        families: [{ family: 4, answer: { kind: 'none' } }],
      },
      { name: 'b.books', port: 8082, priority: 20, weight: 5, families: found('10.0.0.3') },
    ],
  });
});

t.test('SRV with the target "." says that there is no such service', async (t) => {
  await using dns = await DnsServer.open();
  dns.set('_http._tcp.books', { type: 'SRV', target: '.', port: 80 });
  const answer = await lookUp(source(dns, { kind: 'srv', name: '_http._tcp.books' })).answer;
  t.same(answer, { kind: 'targets', targets: [] });
});

t.test('what is not there, and what failed, in words', async (t) => {
  const families = (why: RegExp) => ({ targets: [{ families: [{ answer: { kind: 'failed', why } }] }] });
  const table = [
    ['NXDOMAIN', { targets: [{ families: [{ answer: { kind: 'none' } }] }] }],
    ['NOERROR', { targets: [{ families: [{ answer: { kind: 'none' } }] }] }],
    ['SERVFAIL', families(/^books\.internal: the resolver has failed/)],
    ['REFUSED', families(/refuses to answer/)],
    ['silent', families(/does not answer/)],
    ['wrong_id', families(/does not answer/)],
  ] as const;
  for (const [mood, expected] of table) {
    await using dns = await DnsServer.open();
    dns.set('books.internal');
    dns.mood = mood;
    t.match(await lookUp(source(dns, { family: 'ipv4' })).answer, expected, mood);
  }
  await using dns = await DnsServer.open();
  dns.mood = 'SERVFAIL';
  const srv = await lookUp(source(dns, { kind: 'srv' })).answer;
  t.match(srv, { kind: 'failed', why: /SERVFAIL/ }, 'of SRV nothing is left then');
  dns.mood = 'NXDOMAIN';
  t.same(await lookUp(source(dns, { kind: 'srv' })).answer, { kind: 'targets', targets: [] });
  const nobody = { ...source(dns, { family: 'ipv4' }), resolvers: ['127.0.0.1:1'] };
  t.match(await lookUp(nobody).answer, families(/nobody listens/));
});

t.test('a look-up that is ended has failed, and asks no more', async (t) => {
  await using dns = await DnsServer.open();
  dns.mood = 'silent';
  const lookup = lookUp(source(dns, { family: 'ipv4' }));
  await dns.nextAsked('books.internal', 'A');
  lookup.cancel();
  t.match(await lookup.answer, { targets: [{ families: [{ answer: { why: /was ended/ } }] }] });
});

t.test('a resolver that is silent leaves it to the next', async (t) => {
  await using silent = await DnsServer.open();
  await using dns = await DnsServer.open();
  silent.mood = 'silent';
  dns.setAddresses('books.internal', ['10.0.0.7']);
  const answer = await lookUp(source(dns, { family: 'ipv4', resolvers: [silent.address, dns.address] }))
    .answer;
  t.match(answer, { targets: [{ families: [{ answer: { addresses: ['10.0.0.7'] } }] }] });
});
