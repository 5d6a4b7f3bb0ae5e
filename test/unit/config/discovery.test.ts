/** Servers that DNS knows, as the file writes them. */
import t from 'tap';
import { load, loadFine, report } from './loading.ts';

const servers = (list: string): string =>
  `listeners: { http: { port: 80 } }\nroutes: [{ pool: web }]\npools: { web: { servers: [${list}] } }`;

t.test('what is wrong with it, and what to write instead', async (t) => {
  const rows: readonly (readonly [list: string, ...expected: string[]])[] = [
    [
      '{}',
      'error pools.web.servers[0]: A server has an address, or a name in DNS. Write address: host:port,',
    ],
    ['{ weight: 2 }', 'error pools.web.servers[0]: A server has an address, or a name in DNS.'],
    [
      '{ dns: a.internal, address: 10.0.0.1:80 }',
      'error pools.web.servers[0].dns: a server has either address or dns. Make two of it.',
    ],
    [
      '{ dns: a.internal }',
      'error pools.web.servers[0].dns: DNS does not say on which port the servers listen. Add port: 8080.',
    ],
    [
      '{ dns: "a.internal:80", port: 80 }',
      'error pools.web.servers[0].dns: "a.internal:80": the port stands beside the name. Write dns: a.internal, port: 80.',
    ],
    ['{ dns: 10.0.0.1, port: 80 }', 'error pools.web.servers[0].dns: "10.0.0.1" is an address, not a name.'],
    ['{ dns: "a b", port: 80 }', 'error pools.web.servers[0].dns: "a b" is not a host name.'],
    ['{ srv: _http._tcp.a, port: 80 }', 'error pools.web.servers[0].port: SRV records say the port.'],
    ['{ srv: _http._tcp.a, weight: 3 }', 'error pools.web.servers[0].weight: SRV records say the weight.'],
    [
      '{ srv: _http._tcp.a, id: x }',
      'error pools.web.servers[0].id: servers that srv stands for are called by',
    ],
    [
      '{ address: 10.0.0.1:80, refresh: 5s }',
      'error pools.web.servers[0].refresh: refresh belongs to dns and srv.',
    ],
    ['{ address: 10.0.0.1:80, port: 80 }', 'error pools.web.servers[0].port: the port stands in the address'],
    [
      '{ dns: a, port: 80, resolver: ns.internal }',
      'error pools.web.servers[0].resolver: "ns.internal" is not the address of a resolver.',
    ],
    [
      '{ dns: a, port: 80, refresh: 5 }',
      'error pools.web.servers[0].refresh: 5 has no unit. Write 5s or 5ms.',
    ],
    [
      '{ dns: a, port: 80 }, { dns: A, port: 80 }',
      'error pools.web.servers[1]: "A:80" is in this pool already, in line 3.',
    ],
    ['{ dns: a, port: 80 }, { dns: a, port: 81 }, { srv: _x._tcp.a }, 10.0.0.1:80'],
  ];
  for (const [list, ...expected] of rows) {
    const found = report(load(servers(list))).map((each) => each.replace(/^\S+ /, ''));
    t.equal(found.length, expected.length, list, { found });
    for (const [i, each] of expected.entries()) t.ok(found[i]?.startsWith(each), list, { found });
  }
});

t.test('what it is resolved to, also in the one-pool form', async (t) => {
  const { config } = loadFine(
    t,
    [
      'listen: ":8080"',
      'servers:',
      '  - { dns: Books.Internal., port: 8080, weight: 3, max_connections: 9 }',
      '  - { srv: _http._tcp.books, resolver: 127.0.0.1:8600, refresh: 5s, family: ipv4, keep_empty: 0s, backup: true }',
      '  - { dns: x, port: 1, resolver: ["::1", "[::1]:53"], refresh: ttl }',
      '  - 10.0.0.1:80',
    ].join('\n'),
  );
  const [pool] = config.pools;
  t.same(
    pool?.servers.map((it) => it.id),
    ['10.0.0.1:80'],
  );
  t.match(pool?.discovery, [
    {
      kind: 'address',
      name: 'books.internal',
      port: 8080,
      family: 'any',
      resolvers: [],
      refreshMs: undefined,
      keepEmptyMs: 60_000,
      weight: 3,
      maxConnections: 9,
      backup: false,
      source: { line: 3 },
    },
    {
      kind: 'srv',
      name: '_http._tcp.books',
      port: 0,
      family: 'ipv4',
      resolvers: ['127.0.0.1:8600'],
      refreshMs: 5000,
      keepEmptyMs: 0,
      backup: true,
    },
    { name: 'x', resolvers: ['::1', '[::1]:53'], refreshMs: undefined },
  ]);
});

t.test('zones of servers without a zone of its own are a warning, with the line to write', async (t) => {
  const text = servers('{ address: 10.0.0.1:80, zone: eu-a }, { dns: b, port: 80, zone: eu-b }');
  const found = report(load(text)).map((each) => each.replace(/^\S+ /, ''));
  t.same(found, [
    'warning pools.web.servers[0].zone: without a zone of Sluice’s own, all servers are alike near. Add at the top: zone: eu-a.',
  ]);
  const { config, warnings } = loadFine(t, `zone: eu-a\n${text}`);
  t.same(warnings, []);
  t.equal(config.zone, 'eu-a');
  t.match(config.pools[0], { servers: [{ zone: 'eu-a' }], discovery: [{ zone: 'eu-b' }] });
});
