import t from 'tap';
import { load, report } from './loading.ts';

const HTTP = 'listeners: { http: { port: 80 } }';

t.test('what the protocol of the servers goes together with', (t) => {
  const pool = (fields: string): string[] =>
    report(load([HTTP, 'routes: [{ pool: web }]', `pools: { web: { ${fields} } }`].join('\n'))).map((each) =>
      each.replace(/^[\d:-]+ /, ''),
    );
  const rows: readonly (readonly [fields: string, found: RegExp | null])[] = [
    ['servers: [a:1], upstream: { protocol: h2c }', null],
    ['servers: [a:1], upstream: { protocol: h2c }, health: grpc', null],
    ['servers: ["https://a:1"], upstream: { protocol: h2 }', null],
    ['servers: [a:1], upstream: { protocol: h2, tls: true }, health: /x', null],
    ['servers: [a:1], upstream: { protocol: h2c }, health: { path: /x, port: 8080 }', null],
    ['servers: [a:1], health: { type: grpc, port: 8080 }', null],
    [
      'servers: [a:1], upstream: { protocol: h2 }',
      /^error .*upstream\.protocol: h2 is HTTP\/2 over TLS.*h2c/,
    ],
    ['servers: [a:1], upstream: { protocol: h2, tls: false }', /^error .*no TLS/],
    ['servers: ["https://a:1"], upstream: { protocol: h2c }', /^error .*Write h2\./],
    [
      'servers: [a:1], upstream: { protocol: h2c, proxy_protocol: v2 }',
      /^error .*proxy_protocol: a PROXY header/,
    ],
    [
      'servers: [a:1], upstream: { protocol: h2c }, health: /x',
      /^warning .*health: this check speaks HTTP\/1\.1/,
    ],
    ['servers: [a:1], health: grpc', /^warning .*health: this check speaks HTTP\/2/],
    ['servers: [a:1], upstream: { protocol: http2 }', /^error .*protocol/],
  ];
  for (const [fields, found] of rows) {
    const all = pool(fields);
    t.equal(all.length, found === null ? 0 : 1, `${fields}: ${all.join(' | ')}`);
    if (found !== null) t.match(all[0], found, fields);
  }
  t.end();
});
