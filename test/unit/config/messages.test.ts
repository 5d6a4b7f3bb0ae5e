import t from 'tap';
import { load, report } from './loading.ts';

/** Text -> the findings, without their places. */
function complaints(text: string): string[] {
  return report(load(text)).map((each) => each.replace(/^\S+ /, ''));
}

t.test('what is wrong at the top, in listeners and routes', (t) => {
  const web = 'pools: { web: { servers: [10.0.0.1:80] } }';
  const http = 'listeners: { http: { port: 80 } }';
  const routes = 'routes: [{ pool: web }]';
  const listener = (fields: string): string => [`listeners: { http: { ${fields} } }`, routes, web].join('\n');
  const route = (fields: string): string => [http, `routes: [{ ${fields} }]`, web].join('\n');
  const top = (line: string): string => [http, routes, web, line].join('\n');
  const rows: readonly (readonly [text: string, ...expected: string[]])[] = [
    [top('version: 2'), 'error version: The only version of this format is 1.'],
    [top('threads: many'), 'error threads: Write auto, or a whole number from 1 to 256.'],
    [top('threads: 0'), 'error threads: 0 is not a whole number from 1 to 256.'],
    [top('queues: {}'), 'error : unknown key "queues"'],
    [
      top('shutdown: { drain_timeout: 30 }'),
      'error shutdown.drain_timeout: 30 has no unit. Write 30s or 30ms.',
    ],
    [top('store: { path: "" }'), 'error store.path: A path is needed here.'],
    [
      top('logs: { level: warning }'),
      'error logs.level: "warning" is not one of debug, info, warn, error – did you mean "warn"?',
    ],
    [top('logs: { access: { sample: 0.5 } }'), 'error logs.access.sample: 0.5 has no unit. Write 50%.'],
    [
      top('admin: { listen: "9900" }'),
      'error admin.listen: "9900" is not an address. Write it like 127.0.0.1:9900.',
    ],
    [
      top('admin: { hosts: "lb.internal:9900" }'),
      'error admin.hosts: "lb.internal:9900" is not a host name. It stands without its port: write lb.internal.',
    ],
    [top('admin: { hosts: [lb.internal, "a b"] }'), 'error admin.hosts[1]: "a b" is not a host name.'],
    [
      top('admin: { tokens: [{ name: a, role: amdin, token: x }] }'),
      'error admin.tokens[0].role: "amdin" is not one of viewer, operator, admin – did you mean "admin"?',
    ],
    [
      top('certificates: { a: { cert: a.crt } }'),
      'error certificates.a: A certificate is either { cert: shop.crt, key: shop.key } or { self_signed: [localhost] }.',
    ],
    [
      top('certificates: { a: { self_signed: ["a b"] } }'),
      'error certificates.a.self_signed[0]: "a b" is not a host name or an IP address.',
    ],
    [top('certificates: { "a b": { self_signed: [a] } }'), 'error certificates: "a b" is not a name.'],
    [
      route('pool: web, match: { path_pattern: "users/[0-9]+" }'),
      'error routes[0].match.path_pattern: "users/[0-9]+" does not say where it begins. Write "^/users/[0-9]+".',
    ],
    [
      route('pool: web, match: { path_pattern: ["^/a", "^/(b"] }'),
      'error routes[0].match.path_pattern[1]: "^/(b" is not a pattern: error parsing regexp: missing closing )',
    ],
    [route('pool: web, match: { client: 10.0.0.1/8 }'), 'error routes[0].match.client: "10.0.0.1/8"'],
    [
      route('pool: web, compress: { types: [HTML] }'),
      'error routes[0].compress.types[0]: "HTML" is not a media type in lower case. Write text/html, "text/*" or "*".',
    ],
    [
      route('pool: web, compress: { algorithms: [deflate] }'),
      'error routes[0].compress.algorithms[0]: "deflate" is not one of zstd, br, gzip',
    ],
    [
      route('match: { path: /y }, redirect: /x, compress: true'),
      'error routes[0].compress: Nothing is sent to a server here. Remove it, or give the route a pool.',
      'warning pools.web: no route leads to the pool "web".',
    ],
    [
      route('respond: { body: a, file: b }'),
      'error routes[0].respond.file: Give body or file, not both.',
      'warning pools.web: no route leads to the pool "web".',
    ],
    [
      route('pool: web, error_pages: { 200: { body: x } }'),
      'error routes[0].error_pages: "200" is not a status of an error. Write 404, 4xx or 5xx.',
    ],
    [
      route('pool: web, error_pages: { 404: { content_type: text/html } }'),
      'error routes[0].error_pages.404: A page has either a file or a body.',
    ],
    [
      route('split: {}'),
      'error routes[0].split: Name the pools with their weights: { books: 95, books-v2: 5 }.',
      'warning pools.web: no route leads to the pool "web".',
    ],
    [
      route('split: { web: 0 }'),
      'error routes[0].split: All weights are 0: nobody would be sent anywhere. Give one pool a weight.',
    ],
    [
      route('split: { web: 95, wbe: 5 }'),
      'error routes[0].split.wbe: no pool is called "wbe" – did you mean "web"?',
    ],
    [route('split: { web: 1.5 }'), 'error routes[0].split.web: 1.5 is not a whole number from 0 to 1000.'],
    [
      route('pool: web, split_by: path'),
      'error routes[0].split_by: There is no split here. Remove it, or add split: { books: 95, books-v2: 5 }.',
    ],
    [listener('address: 127.0.0.1'), 'error listeners.http: "port" is missing.'],
    [
      listener('port: 80, address: "[fe80::1%eth0]:8080"'),
      'error listeners.http.address: "[fe80::1%eth0]:8080": here the address stands without brackets, and the port in the key port. Write fe80::1%eth0.',
    ],
    [listener('port: 80, address: "fe80::1"'), 'error listeners.http.address: "fe80::1" is link-local'],
    [
      listener('port: 80, address: localhost'),
      'error listeners.http.address: "localhost" is not an IP address. Write one like 127.0.0.1 or "::1", or unix:/path/of.sock.',
    ],
    [
      listener('port: 80, address: /run/web.sock'),
      'error listeners.http.address: "/run/web.sock" is not an IP address. For a Unix socket write unix:/run/web.sock.',
    ],
    [
      listener('port: 80, address: unix:/run/web.sock'),
      'error listeners.http.port: A Unix socket has no port. Remove the key.',
    ],
    [
      listener('port: 80, socket: { mode: "0600" }'),
      'error listeners.http.socket: Only a Unix socket is a file. Write address: unix:/path/of.sock, or remove the key.',
    ],
    [
      listener('address: unix:/run/web.sock, socket: { mode: rw, group: "a b" }'),
      'error listeners.http.socket.mode: "rw" are not permissions. Write them like "0660".',
      'error listeners.http.socket.group: "a b" is not the name of a group.',
    ],
    [
      listener('port: 80, trusted_proxies: [unix, unx]'),
      'error listeners.http.trusted_proxies[1]: "unx" is not an address block.',
    ],
    [listener('port: 70000'), 'error listeners.http.port: 70000 is not a whole number from 0 to 65535.'],
    [
      listener('port: 80, address: localhost'),
      'error listeners.http.address: "localhost" is not an IP address.',
    ],
    [
      listener('port: 80, redirect: http'),
      'error listeners.http.redirect: The only redirect of a listener is https.',
      'error listeners.http.redirect: there is no listener',
    ],
    [
      listener('port: 80, tls: { certificates: [] }'),
      'error listeners.http.tls.certificates: The list is empty.',
    ],
    [
      listener('port: 80, limits: { max_body_size: 10MB }'),
      'error listeners.http.limits.max_body_size: "10MB" is not a size. Write 10MiB.',
    ],
    [
      listener('port: 80, limits: { max_header_size: 16384 }'),
      'error listeners.http.limits.max_header_size: 16384 has no unit. Write 16KiB or 16384B.',
    ],
    [
      listener('port: 80, limits: { min_rate: 256 }'),
      'error listeners.http.limits.min_rate: 256 has no unit. Write 256B/s.',
    ],
    [
      listener('port: 80, trusted_proxies: [10.0.0.0/33]'),
      'error listeners.http.trusted_proxies[0]: "10.0.0.0/33" has no valid prefix length. It is 0 to 32 here.',
    ],
    [
      listener('port: 80, ip_deny: [evil.example]'),
      'error listeners.http.ip_deny[0]: "evil.example" is not an address block.',
    ],
    [
      listener('port: 80, ip_allow: ["::1/x"]'),
      'error listeners.http.ip_allow[0]: "::1/x" has no valid prefix length. It is 0 to 128 here.',
    ],
    [
      listener('port: 80, rate_limit: 100'),
      'error listeners.http.rate_limit: 100 has no unit. Write 100/s or 100/m.',
    ],
    [
      listener('port: 80, rate_limit: { rate: 20/min }'),
      'error listeners.http.rate_limit.rate: "20/min" is not a rate. Write 20/m.',
    ],
    [listener('port: 80, rate_limit: fast'), 'error listeners.http.rate_limit.rate: "fast" is not a rate.'],
    [
      listener('port: 80, rate_limit: { rate: 1/s, key: tenant }'),
      'error listeners.http.rate_limit.key: "tenant" is not client_ip, path, listener, header:NAME, cookie:NAME, query:NAME.',
    ],
    [
      listener('port: 80, rate_limit: [10/s, { rate: 20/min, key: header }]'),
      'error listeners.http.rate_limit[1].rate: "20/min" is not a rate. Write 20/m.',
      'error listeners.http.rate_limit[1].key: "header": which header? Write it as header:NAME, without a blank.',
    ],
    [listener('port: 80, rate_limit: []'), 'error listeners.http.rate_limit: The list is empty.'],
    [
      route('name: x'),
      'error routes[0]: The route does nothing.',
      'warning pools.web: no route leads to the pool "web".',
    ],
    [
      route('pool: web, respond: 404'),
      'error routes[0].respond: A route has one action, this one has pool and respond. Split it into 2 routes.',
    ],
    [
      route('pool: web, match: { host: "a.example:80" }'),
      'error routes[0].match.host: "a.example:80" has a port. Routes match the name only: write a.example.',
    ],
    [
      route('pool: web, match: { host: "https://a.example" }'),
      'error routes[0].match.host: "https://a.example" is a URL.',
    ],
    [
      route('pool: web, match: { host: "a.*.example" }'),
      'error routes[0].match.host: "a.*.example" is not a host. Write shop.example.com or "*.example.com".',
    ],
    [
      route('pool: web, match: { method: get }'),
      'error routes[0].match.method: "get": methods stand in capitals. Write GET.',
    ],
    [route('pool: web, match: { header: { "a b": x } }'), 'error routes[0].match.header'],
    [route('pool: web, match: { header: { Host: x } }'), 'error routes[0].match.header'],
    [
      route('pool: web, match: { header: { x-a: "*b" } }'),
      'error routes[0].match.header.x-a: "*b": "*" stands only at the end.',
    ],
    [route('pool: web, match: { header: { x-a: 1 } }'), 'error routes[0].match.header.x-a'],
    [
      route('pool: web, rewrite: { strip_prefix: /api/ }'),
      'error routes[0].rewrite.strip_prefix: "/api/": write the prefix without "/" or "*" at its end.',
    ],
    [route('pool: web, headers: { request: { set: { Host: x } } }'), 'error routes[0].headers.request.set'],
    [
      route('pool: web, headers: { response: { remove: [content-length] } }'),
      'error routes[0].headers.response.remove[0]: "content-length" frames the message',
    ],
    [
      route('pool: web, headers: { response: { add: { X: "{hots}" } } }'),
      'error routes[0].headers.response.add.X: "{hots}": there is no {hots}. There are {client_ip},',
    ],
    [
      route('pool: web, headers: { response: { add: { X: "a\\u010a" } } }'),
      'error routes[0].headers.response.add.X',
    ],
    [
      route('pool: web, headers: { request: { set: { X: a, x: b } } }'),
      'error routes[0].headers.request.set: "x" is there twice: names are the same in any case.',
    ],
    [
      route('pool: web, rewrite: { add_prefix: /caf\u00e9 }'),
      'error routes[0].rewrite.add_prefix: "/caf\u00e9" is not a prefix: segments of letters',
    ],
    [
      route('respond: 200, priority: low'),
      'error routes[0].priority: Nothing is sent to a server here.',
      'warning pools.web: no route leads to the pool "web".',
    ],
    [
      route('pool: web, priority: urgent'),
      'error routes[0].priority: "urgent" is not one of high, normal, low.',
    ],
    [
      route('respond: 200, rewrite: { strip_prefix: /a }'),
      'error routes[0].rewrite: Nothing is sent to a server here.',
      'warning pools.web: no route leads to the pool "web".',
    ],
    [route('pool: web, match: { path: x }'), 'error routes[0].match.path: "x" is not a path. Write "/x".'],
    [
      route('pool: web, match: { path: [/a, /b*] }'),
      'error routes[0].match.path[1]: "/b*": "*" stands only at the end, after a slash.',
    ],
    [
      route('pool: web, match: { path: /a//b }'),
      'error routes[0].match.path: "/a//b": requests are matched without',
    ],
    [
      route('pool: web, match: { path: /a/../b }'),
      'error routes[0].match.path: "/a/../b": requests are matched without',
    ],
    [route('pool: web, match: { path: "/a?b" }'), 'error routes[0].match.path: "/a?b": query'],
    [route('pool: web, match: { path: /a%2Fb }'), 'error routes[0].match.path: "/a%2Fb": requests with %2F'],
    [
      route('pool: web, match: { path: /100% }'),
      'error routes[0].match.path: "/100%" has a "%" without two hex digits. Write %25.',
    ],
    [route('pool: web, match: { path: [] }'), 'error routes[0].match.path: The list is empty.'],
    [route('redirect: new'), 'error routes[0].redirect.to: "new" is not a target.', 'warning pools.web'],
    [
      route('redirect: "//evil.example"'),
      'error routes[0].redirect.to: "//evil.example" is not a target.',
      'warning pools.web',
    ],
    [
      route('redirect: { to: /new/*/x }'),
      'error routes[0].redirect.to: "/new/*/x": "*" stands only at the end of the path',
      'warning pools.web',
    ],
    [
      route('pool: web, buffering: { request: 10B }'),
      'error routes[0].buffering.request: "10B" is too small. The least is 1KiB.',
    ],
    [
      route('respond: 204, buffering: true'),
      'error routes[0].buffering: Nothing is sent to a server here.',
      'warning pools.web',
    ],
    [
      route('match: { path: /y }, redirect: { to: /x, status: 200 }'),
      'error routes[0].redirect.status: 200 is not one of 301, 302, 303, 307, 308.',
      'warning pools.web',
    ],
    [
      route('respond: { status: 99 }'),
      'error routes[0].respond.status: 99 is not a whole number from 200 to 599.',
      'warning pools.web',
    ],
    [
      route('respond: { status: 200, content_type: html }'),
      'error routes[0].respond.content_type: "html" is not a media type like text/html.',
      'warning pools.web',
    ],
    [route('pool: web, timeout: 15'), 'error routes[0].timeout: 15 has no unit. Write 15s or 15ms.'],
    [route('pool: web, listeners: 5'), 'error routes[0].listeners: a text is needed here, not 5.'],
  ];
  for (const [text, ...expected] of rows) {
    const found = complaints(text);
    for (const [index, each] of expected.entries()) t.ok(found[index]?.startsWith(each), each, { found });
    t.equal(found.length, expected.length, `${expected[0]}: nothing else`, { found });
  }
  t.end();
});

t.test('TLS versions are texts, and the error says so', (t) => {
  const text = `certificates: { a: { self_signed: [localhost] } }
listeners: { s: { port: 443, tls: { certificates: [a], min_version: 1.2 } } }
routes: [{ respond: 204 }]`;
  t.strictSame(complaints(text), [
    'error listeners.s.tls.min_version: 1.2 has to stand in quotes. Write "1.2".',
  ]);
  t.end();
});
