/** Routes that ask for more than host and path, over the wires. */
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { H2Client } from '../support/h2-client.ts';
import { Peer } from '../support/peer.ts';

const respond = (body: string): { respond: { status: number; body: string } } => ({
  respond: { status: 200, body },
});

t.test('method, fields and query', async (t) => {
  await using daemon = await DaemonFixture.start({
    listeners: {
      http: { address: '127.0.0.1', port: 0, h2c: true },
      node: { address: '127.0.0.1', port: 0, engine: 'node' },
    },
    routes: [
      { match: { path: '/x/*', header: { 'X-Canary': '1' } }, ...respond('canary') },
      { match: { method: ['PUT', 'DELETE'] }, ...respond('write') },
      { match: { query: { q: 'a b*' } }, ...respond('query') },
      { match: { header: { cookie: '*' } }, ...respond('cookie') },
      respond('rest'),
    ],
  });
  for (const listener of ['http', 'node']) {
    await using client = await Peer.connect(daemon.port(listener));
    const ask = async (line: string, fields = ''): Promise<string> =>
      (await client.ask(`${line} HTTP/1.1\r\nHost: h\r\n${fields}\r\n`)).body;
    t.equal(await ask('GET /x/1', 'x-canary: 1\r\n'), 'canary');
    t.equal(await ask('GET /x/1', 'X-CANARY: 0\r\nX-Canary:1\r\n'), 'canary', 'any of its lines');
    t.equal(await ask('GET /x/1', 'X-Canary: 10\r\n'), 'rest');
    t.equal(await ask('GET /y', 'X-Canary: 1\r\n'), 'rest');
    t.equal(await ask('DELETE /x', 'X-Canary: 0\r\n'), 'write');
    t.equal(await ask('GET /?p=1&q=a%20bc'), 'query');
    t.equal(await ask('GET /?q=a+b'), 'query');
    t.equal(await ask('GET /?q=ab'), 'rest');
    t.equal(await ask('GET /', 'Cookie: a=b\r\n'), 'cookie');
  }
  await using h2 = await H2Client.open(daemon.port());
  const body = async (fields: Record<string, string>): Promise<string> => String((await h2.ask(fields)).body);
  t.equal(await body({ ':path': '/x/1', 'x-canary': '1' }), 'canary');
  t.equal(await body({ ':path': '/', ':method': 'DELETE' }), 'write');
  t.equal(await body({ ':path': '/?q=a%20b' }), 'query');
  t.equal(await body({ ':path': '/', cookie: 'a=b' }), 'cookie');
  t.equal(await body({ ':path': '/' }), 'rest');
});

t.test('the client’s address and patterns of the path', async (t) => {
  await using daemon = await DaemonFixture.start({
    listeners: {
      http: { address: '127.0.0.1', port: 0, h2c: true, trusted_proxies: ['127.0.0.1'] },
      node: { address: '127.0.0.1', port: 0, engine: 'node', trusted_proxies: ['127.0.0.1'] },
    },
    routes: [
      { match: { client: ['10.0.0.0/8', '2001:db8::/32'], path: '/x/*' }, ...respond('inside') },
      { match: { path_pattern: '^/users/[0-9]+$|/@me' }, ...respond('user') },
      { match: { path: '/x/*', path_pattern: ['^/x/a+$', '^/x/b'] }, ...respond('ab') },
      respond('rest'),
    ],
  });
  const rows: readonly (readonly [target: string, client: string, body: string])[] = [
    ['/x/1', '10.1.2.3', 'inside'],
    ['/x/1', '2001:db8::1', 'inside'],
    ['/x/1', '11.1.2.3', 'rest'],
    ['/y', '10.1.2.3', 'rest'],
    ['/users/12?x=/y', '1.1.1.1', 'user'],
    ['/a/..//users/12', '1.1.1.1', 'user'],
    ['/users/12/x', '1.1.1.1', 'rest'],
    ['/a/users/12', '1.1.1.1', 'rest'],
    ['/%40me', '1.1.1.1', 'user'],
    ['/a/@me', '1.1.1.1', 'rest'],
    ['/x/aa', '1.1.1.1', 'ab'],
    ['/x/bc', '1.1.1.1', 'ab'],
    ['/x/ac', '1.1.1.1', 'rest'],
  ];
  await using h2 = await H2Client.open(daemon.port('http'));
  for (const [target, ip, body] of rows) {
    for (const listener of ['http', 'node']) {
      await using client = await Peer.connect(daemon.port(listener));
      const answer = await client.ask(`GET ${target} HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: ${ip}\r\n\r\n`);
      t.equal(answer.body, body, `${target} from ${ip} by ${listener}`);
    }
    const over = await h2.ask({ ':path': target, 'x-forwarded-for': ip });
    t.equal(over.body.toString(), body, `${target} from ${ip} by h2`);
  }
  // A reload with another pattern: compiled anew.
  await daemon.reload({
    listeners: { http: { address: '127.0.0.1', port: 0 } },
    routes: [{ match: { path_pattern: '^/y' }, ...respond('new') }, respond('rest')],
  });
  await using client = await Peer.connect(daemon.port('http'));
  t.equal((await client.ask('GET /y HTTP/1.1\r\nHost: h\r\n\r\n')).body, 'new');
});
