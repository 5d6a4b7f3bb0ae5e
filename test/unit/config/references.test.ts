import t from 'tap';
import { load, loadFine, report } from './loading.ts';

const TLS = 'certificates: { a: { self_signed: [localhost] } }';
const HTTP = 'listeners: { http: { port: 80 } }';
const WEB = 'pools: { web: { servers: [10.0.0.1:80] } }';

/** The findings, without the end of their marks. */
function findings(...lines: readonly string[]): string[] {
  return report(load(lines.join('\n'))).map((each) => each.replace(/-\d+ /, ' '));
}

t.test('references and contradictions', (t) => {
  const rows: readonly (readonly [string, readonly string[], ...string[]])[] = [
    [
      'unknown pool, none at all',
      [HTTP, 'routes: [{ pool: web }]'],
      '2:18 error routes[0].pool: no pool is called "web". There is no pool at all.',
    ],
    [
      'unknown pool of copies',
      [HTTP, 'routes: [{ pool: web, mirror: { pool: wep } }]', WEB],
      '2:39 error routes[0].mirror.pool: no pool is called "wep" – did you mean "web"?',
    ],
    [
      'copies for the pool that answers',
      [HTTP, 'routes: [{ split: { web: 1 }, mirror: web }]', WEB],
      '2:39 error routes[0].mirror: the copies would go to the pool that answers. Name another one.',
    ],
    [
      'copies of what reaches no server',
      [HTTP, 'routes: [{ respond: 200, mirror: web }]', WEB],
      '2:34 error routes[0].mirror: Nothing is sent to a server here. Remove it, or give the route a pool.',
    ],
    [
      'unknown pool, several',
      [HTTP, 'routes: [{ pool: nosuch }]', 'pools: { a: { servers: [a:1] }, b: { servers: [b:1] } }'],
      '2:18 error routes[0].pool: no pool is called "nosuch". There is a, b.',
      '3:10 warning pools.a: no route leads to the pool "a".',
      '3:33 warning pools.b: no route leads to the pool "b".',
    ],
    [
      'HTTP/2 that the listener cannot offer',
      [
        TLS,
        'listeners: { p: { port: 80, http2: true }, s: { port: 443, tls: { certificates: a }, h2c: true } }',
        'routes: [{ pool: web }]',
        WEB,
      ],
      '2:29 warning listeners.p.http2: http2 is offered in TLS handshakes, and this listener has no tls. For HTTP/2 without TLS write h2c: true.',
      '2:86 error listeners.s.h2c: a listener with tls takes HTTP/2 by http2. Remove h2c.',
    ],
    [
      'unknown listener',
      [HTTP, 'routes: [{ pool: web, listeners: [htpt] }]', WEB],
      '1:14 warning listeners.http: no route has the listener "http": every request is answered 404.',
      '2:35 error routes[0].listeners[0]: no listener is called "htpt" – did you mean "http"?',
    ],
    [
      'a route on a redirecting listener',
      [
        TLS,
        'listeners: { p: { port: 80, redirect: https }, s: { port: 443, tls: { certificates: a } } }',
        'routes: [{ pool: web, listeners: [p, s] }]',
        WEB,
      ],
      '3:35 error routes[0].listeners[0]: the listener "p" redirects every request, so it has no routes.',
    ],
    [
      'unknown certificate',
      [TLS, 'listeners: { s: { port: 443, tls: { certificates: [b] } } }', 'routes: [{ respond: 204 }]'],
      '2:52 error listeners.s.tls.certificates[0]: no certificate is called "b" – did you mean "a"?',
    ],
    [
      'redirect without tls',
      ['listeners: { p: { port: 80, redirect: https } }'],
      '1:39 error listeners.p.redirect: there is no listener with tls to redirect to. Add one, such as https: { port: 443, tls: { certificates: […] } }.',
    ],
    [
      'redirect and tls',
      [TLS, 'listeners: { p: { port: 80, redirect: https, tls: { certificates: a } } }'],
      '2:29 error listeners.p.redirect: a listener either redirects to https or has tls itself. Remove one of the two.',
    ],
    [
      'route to https without tls',
      [HTTP, 'routes: [{ redirect: https }]'],
      '2:22 error routes[0].redirect: There is no listener with tls to redirect to.',
    ],
    [
      'one port twice',
      [
        'listeners: { a: { port: 80 },',
        '  b: { port: 80, address: 10.0.0.1 } }',
        'routes: [{ respond: 204 }]',
      ],
      '2:14 error listeners.b.port: port 80 is taken by listeners.a (line 1). Give one of them another port or address.',
    ],
    [
      'one port on two addresses',
      [
        'listeners: { a: { port: 80, address: 10.0.0.2 },',
        '  b: { port: 80, address: 10.0.0.1 } }',
        'routes: [{ respond: 204 }]',
      ],
    ],
    ['any free port twice', ['listeners: { a: { port: 0 }, b: { port: 0 } }', 'routes: [{ respond: 204 }]']],
    [
      'the port of the API',
      ['admin: { listen: 127.0.0.1:80 }', HTTP, 'routes: [{ respond: 204 }]'],
      '1:18 error admin.listen: port 80 is taken by listeners.http (line 2).',
    ],
    [
      'the port of the API elsewhere',
      [
        'admin: { listen: 127.0.0.1:80 }',
        'listeners: { a: { port: 80, address: 10.0.0.1 } }',
        'routes: [{ respond: 204 }]',
      ],
    ],
    [
      'the API open to all',
      ['admin: { listen: 0.0.0.0:9900 }', HTTP, 'routes: [{ respond: 204 }]'],
      '1:18 error admin.listen: "0.0.0.0:9900" can be reached from other machines. Add admin.tokens, or listen on 127.0.0.1.',
    ],
    [
      'the API open with tokens',
      [
        'admin: { listen: ":9900", tokens: [{ name: a, role: admin, token: x }] }',
        HTTP,
        'routes: [{ respond: 204 }]',
      ],
      '1:18 warning admin.listen: ":9900" can be reached from other machines, and tokens cross the network unencrypted.',
    ],
    [
      'one token name twice',
      [
        'admin: { tokens: [{ name: a, role: admin, token: x },',
        '  { name: a, role: admin, token: y }] }',
        HTTP,
        'routes: [{ respond: 204 }]',
      ],
      '2:11 error admin.tokens[1].name: another token is called "a" already, in line 1.',
    ],
    [
      'one route name twice',
      [
        HTTP,
        'routes:',
        '  - { name: x, respond: 204, match: { path: /a } }',
        '  - { name: x, respond: 204 }',
      ],
      '4:13 error routes[1].name: another route is called "x" already, in line 3.',
    ],
    [
      'one server twice',
      [
        HTTP,
        'routes: [{ pool: web }]',
        'pools:',
        '  web:',
        '    servers:',
        '      - A:80',
        '      - { address: http://a }',
      ],
      '7:20 error pools.web.servers[1].address: "http://a" is in this pool already, in line 6. To give it more requests set its weight.',
    ],
    [
      'one id twice',
      [
        HTTP,
        'routes: [{ pool: web }]',
        'pools: { web: { servers: [{ address: a:1, id: x }, { address: b:1, id: x }] } }',
      ],
      '3:72 error pools.web.servers[1].id: another server of the pool has the id "x" already, in line 3.',
    ],
    [
      'http and https in one pool',
      [HTTP, 'routes: [{ pool: web }]', 'pools: { web: { servers: ["https://a", b:80] } }'],
      '3:40 error pools.web.servers[1]: the servers of a pool either all speak https or none. Make two pools of them.',
    ],
    [
      'https against upstream.tls',
      [
        HTTP,
        'routes: [{ pool: web }]',
        'pools: { web: { servers: ["https://a"], upstream: { tls: false } } }',
      ],
      '3:27 error pools.web.servers[0]: the address says https, but upstream.tls says false. Remove one of the two.',
    ],
    [
      'http against upstream.tls',
      [HTTP, 'routes: [{ pool: web }]', 'pools: { web: { servers: ["http://a"], upstream: { tls: true } } }'],
      '3:27 error pools.web.servers[0]: the address says http, but upstream.tls turns TLS on. Write the address without http://.',
    ],
    [
      'sticky against algorithm',
      [HTTP, 'routes: [{ pool: web }]', 'pools: { web: { servers: [a:1], sticky: ip, algorithm: random } }'],
      '3:41 error pools.web.sticky: sticky: ip is the algorithm ip_hash, but algorithm says random. Remove one of the two.',
    ],
    [
      'no servers',
      [HTTP, 'routes: [{ pool: web }]', 'pools: { web: { servers: [] } }'],
      '3:10 warning pools.web: the pool has no servers: until the API adds one, every request is answered 503.',
    ],
    [
      'no listener',
      [WEB, 'routes: [{ pool: web }]'],
      '1:1 error : There is no listener: nothing could connect. Add listeners, or listen and servers.',
    ],
    [
      'empty listeners',
      ['listeners: {}'],
      '1:1 error listeners: There is no listener: nothing could connect.',
    ],
    ['no routes', [HTTP], '1:1 warning listeners: There are no routes: every request is answered 404.'],
  ];
  for (const [name, lines, ...expected] of rows) t.strictSame(findings(...lines), expected, name);
  t.end();
});

t.test('references are checked although fields are wrong', (t) => {
  t.strictSame(
    findings(
      HTTP,
      'threads: many',
      'routes: [{ pool: wbe, timeout: 5 }]',
      'pools: { web: { servers: [a:1], health: 7 } }',
    ).map((each) => each.replace(/: .*/, '')),
    [
      '2:10 error threads',
      '3:18 error routes[0].pool',
      '3:32 error routes[0].timeout',
      '4:10 warning pools.web',
      '4:41 error pools.web.health',
    ],
  );
  t.end();
});

t.test('the one-pool form', (t) => {
  const text = `listen: https://shop.example.com
tls: { cert: shop.crt, key: shop.key }
servers:
  - 10.0.0.11:8080
  - { address: 10.0.0.12:8080, weight: 2 }
algorithm: random
sticky: { ttl: 1h }
health: /healthz
rate_limit: 100/s
`;
  const { config } = loadFine(t, text);
  t.match(config, {
    certificates: [{ type: 'files', name: 'default', certPath: '/etc/sluice/shop.crt', source: { line: 2 } }],
    listeners: [
      {
        name: 'default',
        address: undefined,
        port: 443,
        tls: { certificates: ['default'] },
        source: { line: 1 },
      },
    ],
    routes: [
      {
        name: 'default',
        listeners: ['default'],
        match: { hosts: ['shop.example.com'], paths: [] },
        action: { type: 'pool', pool: 'default' },
        rateLimits: [{ count: 100 }],
      },
    ],
    pools: [
      {
        name: 'default',
        algorithm: 'random',
        sticky: { cookie: 'sluice', ttlMs: 3_600_000 },
        health: { path: '/healthz' },
        source: { line: 3 },
      },
    ],
  });
  t.match(config.pools[0]?.servers, [
    { weight: 1, source: { line: 4 } },
    { weight: 2, source: { line: 5 } },
  ]);
  const bound = loadFine(t, 'listen: "http://127.0.0.1:8080"\nservers: [":3001"]\nsticky: ip').config;
  t.match(bound, {
    listeners: [{ address: '127.0.0.1', port: 8080, tls: undefined }],
    routes: [{ match: { hosts: [] } }],
    pools: [{ algorithm: 'ip_hash' }],
  });
  t.end();
});

t.test('the one-pool form: what is missing or mixed', (t) => {
  t.strictSame(findings('listen: https://shop.example.com', 'servers: [a:1]'), [
    '1:1 error listen: https needs a certificate. Add tls: { cert: shop.example.com.crt, key: shop.example.com.key }, or for development tls: { self_signed: [shop.example.com] }.',
  ]);
  t.strictSame(findings('listen: ":80"', 'servers: [a:1]', 'tls: { self_signed: [a] }'), [
    '3:1 error tls: tls is given, but listen is not https. Write listen: https://… or remove tls.',
  ]);
  t.strictSame(findings('listen: ":80"'), [
    '1:1 error listen: the one-pool form needs servers. Add servers: [host:port, …].',
  ]);
  t.strictSame(findings('servers: [a:1]'), [
    '1:1 error servers: the one-pool form needs listen. Add listen: ":8080".',
  ]);
  const mixed = load('listen: ":80"\nservers: [a:1]\nhealth: /up\npools: { b: { servers: [b:1] } }\n');
  t.equal(mixed.ok, false);
  const [found] = mixed.ok ? [] : mixed.diagnostics;
  t.equal(
    found?.message,
    'listen, servers, health at the top level are the one-pool form; it cannot be mixed with pools.',
  );
  const converted = found?.hint?.replace(/^.*\n/, '') ?? '';
  t.strictSame(report(load(converted)), [], 'the conversion that is shown is itself right');
  t.match(loadFine(t, converted).config, {
    listeners: [{ port: 80 }],
    pools: [{ name: 'default', health: { path: '/up' } }],
  });
  t.end();
});
