/** An answer that ends with its TLS connection: whole with a close_notify, broken off without one. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CutTlsServer } from '../support/cut-tls.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { get, Peer } from '../support/peer.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nConnection: close\r\n';

async function ask(answer: string, isCut: boolean): Promise<string> {
  await using server = await CutTlsServer.open({ answer, isCut });
  const folder = t.testdir();
  writeFileSync(join(folder, 'ca.crt'), server.authorityPem);
  await using daemon = await DaemonFixture.start({
    listeners: { http: { address: '127.0.0.1', port: 0 } },
    routes: [{ name: 'all', pool: 'web' }],
    pools: {
      web: {
        servers: [`https://127.0.0.1:${server.port}`],
        health: false,
        upstream: { tls: { ca: join(folder, 'ca.crt') } },
      },
    },
  });
  await using client = await Peer.connect(daemon.port());
  client.write(get('/', 'Connection: close\r\n'));
  return await client.rest();
}

t.test('with close_notify it is whole', async (t) => {
  const text = await ask(`${HEAD}\r\nall of it`, false);
  t.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  t.match(text, /all of it\r\n0\r\n\r\n$/);
});

t.test('without one it must not look whole', async (t) => {
  const text = await ask(`${HEAD}\r\nhalf of`, true);
  t.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  t.match(text, /half of/);
  t.notMatch(text, /\r\n0\r\n\r\n$/);
});

t.test('an answer with a length needs no close_notify', async (t) => {
  const text = await ask(`${HEAD}Content-Length: 3\r\n\r\nabc`, true);
  t.match(text, /Content-Length: 3\r\n.*\r\n\r\nabc$/s);
});
