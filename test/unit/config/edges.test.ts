/** What two places of a file must agree about at the edges: paths of sockets, spellings of addresses, PROXY headers. */
import t from 'tap';
import { load, report } from './loading.ts';

const HTTP = 'listeners: { http: { port: 80 } }';

/** The findings, without the end of their marks. */
function findings(...lines: readonly string[]): string[] {
  return report(load(lines.join('\n'))).map((each) => each.replace(/-\d+ /, ' '));
}

t.test('sockets, addresses, PROXY headers', (t) => {
  const rows: readonly (readonly [string, readonly string[], ...string[]])[] = [
    [
      'one path twice',
      [
        'listeners: { a: { address: unix:/run/a.sock },',
        '  b: { address: unix:/run/a.sock } }',
        'routes: [{ respond: 204 }]',
      ],
      '2:17 error listeners.b.address: unix:/run/a.sock is taken by listeners.a (line 1). Give one of them another path.',
    ],
    [
      'one IPv6 address in two spellings',
      [
        'listeners: { a: { port: 80, address: "::1" },',
        '  b: { port: 80, address: "0:0::1" } }',
        'routes: [{ respond: 204 }]',
      ],
      '2:14 error listeners.b.port: port 80 is taken by listeners.a (line 1). Give one of them another port or address.',
    ],
    [
      'two paths, and a port',
      [
        'listeners: { a: { address: unix:/run/a.sock }, b: { address: unix:/run/b.sock }, c: { port: 0 } }',
        'routes: [{ respond: 204 }]',
      ],
    ],
    [
      'a ping to a Unix socket',
      [HTTP, 'routes: [{ pool: web }]', 'pools: { web: { servers: [unix:/run/a.sock], health: icmp } }'],
      '3:54 error pools.web.health: the server "unix:/run/a.sock" is a Unix socket, which cannot be pinged. Use tcp or http.',
    ],
    [
      'another port of a Unix socket',
      [
        HTTP,
        'routes: [{ pool: web }]',
        'pools: { web: { servers: [a:80, unix:/run/a.sock], health: { path: /, port: 81 } } }',
      ],
      '3:77 error pools.web.health.port: the server "unix:/run/a.sock" is a Unix socket, which has no other port. Remove the key.',
    ],
    [
      'PROXY headers from nobody',
      ['listeners: { a: { port: 80, proxy_protocol: required } }', 'routes: [{ respond: 204 }]'],
      '1:45 error listeners.a.proxy_protocol: nobody’s PROXY header would be believed. Name the proxies in front: trusted_proxies: [10.0.0.0/8].',
    ],
    [
      'PROXY headers from somebody',
      [
        'listeners: { a: { port: 80, proxy_protocol: optional, trusted_proxies: 10.0.0.1 } }',
        'routes: [{ respond: 204 }]',
      ],
    ],
  ];
  for (const [name, lines, ...expected] of rows) t.strictSame(findings(...lines), expected, name);
  t.end();
});
