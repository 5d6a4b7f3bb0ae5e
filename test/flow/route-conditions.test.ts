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
