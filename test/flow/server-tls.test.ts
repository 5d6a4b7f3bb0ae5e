/** TLS to the servers: verified by default, against own authorities when told so; what cannot be verified is never spoken to. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/kernel/clock.ts';
import { makeLeaf } from '../../src/tls/forge-certificates.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { get, Peer, RawServer } from '../support/peer.ts';
import { onePool } from '../support/proxied.ts';
import { authorityFor } from '../support/tls-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-server-tls-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const authority = authorityFor('web.internal');
const ca = join(folder, 'ca.pem');
writeFileSync(ca, authority.certPem);

/** An https server with a certificate for `names`; counts the requests that reach it. */
async function httpsServer(names: readonly string[]) {
  const leaf = makeLeaf(authority, names, systemClock.wallMs());
  let requests = 0;
  const server = createServer({ cert: leaf.certPem, key: leaf.keyPem }, (request, response) => {
    requests++;
    const { servername } = request.socket as unknown as { servername: string | false };
    response.end(`${servername || 'no name'}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

type Tls = true | { ca?: string; name?: string; verify?: boolean };

/** The answer to one request through a pool with this `upstream.tls`. */
async function through(address: string, tls: Tls) {
  await using daemon = await DaemonFixture.start(
    onePool([], { pool: { servers: [address], upstream: { tls }, retry: 1 } }),
  );
  await using client = await Peer.connect(daemon.port());
  return await client.ask(get('/'));
}

t.test('a certificate that nobody known has signed: 502, and no request goes out', async (t) => {
  await using server = await httpsServer(['127.0.0.1']);
  const answer = await through(server.address, true);
  t.equal(answer.status, 502);
  t.equal(JSON.parse(answer.body).code, 'connect_error');
  t.equal(server.requests(), 0);
});

t.test('signed by our own authority', async (t) => {
  await using server = await httpsServer(['127.0.0.1']);
  t.equal((await through(server.address, { ca })).status, 200);
  t.equal(server.requests(), 1);
});

t.test('the name is asked for and verified', async (t) => {
  await using server = await httpsServer(['web.internal']);
  const right = await through(server.address, { ca, name: 'web.internal' });
  t.equal(right.status, 200);
  t.equal(right.body, 'web.internal');
  t.equal((await through(server.address, { ca, name: 'other.internal' })).status, 502);
  t.equal((await through(server.address, { ca })).status, 502, 'the address is not in it');
  t.equal(server.requests(), 1);
});

t.test('verify: false takes any', async (t) => {
  await using server = await httpsServer(['web.internal']);
  t.equal((await through(server.address, { verify: false })).status, 200);
});

t.test('a server that speaks plain HTTP where TLS is due', async (t) => {
  await using server = await RawServer.open();
  void server.accept().then((peer) => peer.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntrick'));
  const answer = await through(server.address, { ca });
  t.equal(answer.status, 502);
  t.notMatch(answer.body, /trick/);
});
