import t from 'tap';
import { aroundPool, load, report } from './loading.ts';

/** Lines of a pool -> the findings, without their places. */
function complaints(text: string): string[] {
  return report(load(text)).map((each) => each.replace(/^\S+ /, ''));
}

t.test('what is wrong in a pool, and what to write instead', (t) => {
  const rows: readonly (readonly [line: string, ...expected: string[]])[] = [
    ['wieght: 2', 'error pools.web: unknown key "wieght"'],
    ['helth: /x', 'error pools.web: unknown key "helth" – did you mean "health"?'],
    ['scaling: {}', 'error pools.web: unknown key "scaling". Known here: algorithm, hash,'],
    [
      'algorithm: roundrobin',
      'error pools.web.algorithm: "roundrobin" is not one of round_robin, weighted, least_connections, power_of_two, peak_ewma, least_time, ip_hash, consistent_hash, random, first – did you mean "round_robin"?',
    ],
    [
      'hash: header',
      'error pools.web.hash: "header": which header? Write it as header:NAME, without a blank.',
    ],
    [
      'hash: client',
      'error pools.web.hash: "client" is not client_ip, path, header:NAME, cookie:NAME, query:NAME.',
    ],
    ['hash: path:x', 'error pools.web.hash: "path:x": path has no name. Write path.'],
    ['hash: { key: "query:a b" }', 'error pools.web.hash.key: "a b" is not the name of a query.'],
    ['hash: { max_load: 90% }', 'error pools.web.hash.max_load: "90%" is too small. The least is 101%.'],
    [
      'hash: path\n    algorithm: random',
      'error pools.web.hash: hash belongs to the algorithm consistent_hash, but algorithm says random. Remove one of the two.',
    ],
    [
      'hash: path\n    sticky: ip',
      'error pools.web.hash: sticky: ip keeps clients by their address, hash by something else. Remove one of the two.',
    ],
    ['slow_start: 2h', 'error pools.web.slow_start: "2h" is too large. The most is 1h.'],
    ['panic: 0.5', 'error pools.web.panic: 0.5 has no unit. Write 50%.'],
    ['retry: { budget: 120% }', 'error pools.web.retry.budget: "120%" is more than 100%.'],
    ['retry: { when: [200] }', 'error pools.web.retry.when[0]: 200 is not a whole number from 400 to 599.'],
    [
      'health: healthz',
      'error pools.web.health: "healthz" is not a health check. Write a path like /healthz, or tcp, icmp, grpc or false.',
    ],
    ['health: 5', 'error pools.web.health: a text or a mapping (key: value) is needed here, not 5.'],
    [
      'health: { type: tpc }',
      'error pools.web.health.type: "tpc" is not one of http, https, tcp, icmp, grpc – did you mean "tcp"?',
    ],
    ['health: { type: tcp, path: /x }', 'error pools.web.health: unknown key "path"'],
    ['health: { interval: 5 }', 'error pools.web.health.interval: 5 has no unit. Write 5s or 5ms.'],
    ['health: { interval: 1ms }', 'error pools.web.health.interval: "1ms" is too small. The least is 100ms.'],
    ['health: { interval: 2d }', 'error pools.web.health.interval: "2d" is too large. The most is 1d.'],
    [
      'health: { interval: 1s, timeout: 2s }',
      'error pools.web.health.timeout: The timeout is longer than the interval.',
    ],
    [
      'health: { expect: { status: 2xx } }',
      'error pools.web.health.expect.status: "2xx" is not a status or a range. Write 200, 200-299 or 200-204,301.',
    ],
    [
      'health: { expect: { status: 299-200 } }',
      'error pools.web.health.expect.status: "299-200" is not a status',
    ],
    [
      'health: { headers: { Host: x } }',
      'error pools.web.health.headers: The Host field is set by the key "host", beside "headers".',
    ],
    ['health: { headers: { "a b": x } }', 'error pools.web.health.headers: "a b" is not a field name.'],
    [
      'health: { headers: { x: "a\\r\\nb" } }',
      'error pools.web.health.headers.x: The value has control characters.',
    ],
    ['health: { jitter: 10 }', 'error pools.web.health.jitter: 10 has no unit. Write 10%.'],
    ['health:', 'error pools.web.health: Nothing stands here'],
    [
      'sticky: cokie',
      'error pools.web.sticky: "cokie" is not one of cookie, ip, header:NAME – did you mean "cookie"?',
    ],
    [
      'sticky: "header:a b"',
      'error pools.web.sticky: "header:a b": which header? Write it as header:NAME, without a blank.',
    ],
    [
      'sticky: header',
      'error pools.web.sticky: "header": which header? Write it as header:NAME, without a blank.',
    ],
    [
      'sticky: "header:x"\n    algorithm: random',
      'error pools.web.sticky: sticky: header:x is the algorithm consistent_hash, but algorithm says random. Remove one of the two.',
    ],
    [
      'sticky: "header:x"\n    hash: path',
      'error pools.web.hash: sticky: header:x says already what keeps its server. Remove one of the two.',
    ],
    [
      'sticky: { same_site: none }',
      'error pools.web.sticky.same_site: Browsers take none only together with Secure. Add secure: always.',
    ],
    [
      'sticky: { cookie: __Host-s }',
      'error pools.web.sticky.cookie: The name "__Host-s" promises Secure. Add secure: always.',
    ],
    [
      'sticky: { cookie: __Host-s, secure: always, path: /x }',
      'error pools.web.sticky.cookie: The name "__Host-s" promises the path / and no domain.',
    ],
    ['sticky: { path: x }', 'error pools.web.sticky.path: "x" is not a path of a cookie.'],
    ['sticky: { domain: "a b" }', 'error pools.web.sticky.domain: "a b" is not a domain. Write example.com.'],
    ['sticky: { cookie: "a b" }', 'error pools.web.sticky.cookie: "a b" is not a cookie name.'],
    ['queue: { max: -1 }', 'error pools.web.queue.max: -1 is not a whole number from 0 to 1000000.'],
    [
      'queue: { priority: cookie:p }',
      'error pools.web.queue.priority: "cookie:p" does not name a field. Write it as header:NAME, without a blank.',
    ],
    ['retry: { attempts: 0 }', 'error pools.web.retry.attempts: 0 is not a whole number from 1 to 100.'],
    ['retry: many', 'error pools.web.retry: "many" is not a whole number from 1 to 100.'],
    ['upstream: { host: "a b" }', 'error pools.web.upstream.host: "a b" is not a host.'],
    [
      'upstream: { tls: { verify: maybe } }',
      'error pools.web.upstream.tls.verify: true or false is needed here, not the text "maybe".',
    ],
    ['upstream: 5', 'error pools.web.upstream: a mapping (key: value) is needed here, not 5.'],
    ['sticky: ip', ''],
  ];
  for (const [line, ...expected] of rows) {
    const found = complaints(aroundPool(line));
    expected.forEach((each, index) => {
      t.ok(each === '' ? found.length === 0 : found[index]?.startsWith(each), line, { found });
    });
    t.ok(found.length <= expected.length, `${line}: nothing else`, { found });
  }
  t.end();
});
