/**
 * A slow reader behind a TLS server: TLS hands over several records at once, also to who has paused. What waits for the
 * client must not be written over by the records behind it.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { onePool } from '../support/proxied.ts';
import { selfSignedPair } from '../support/tls-fixture.ts';

const MIB = 1024 * 1024;
const BODY_BYTES = 16 * MIB;
const body = Buffer.alloc(BODY_BYTES);
for (let at = 0; at < BODY_BYTES; at += 64) body.fill(`${at};`, at, at + 64);
const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

t.test('what it reads in the end is what was sent', async (t) => {
  const { certPem, keyPem } = selfSignedPair('web.internal');
  const server = createServer({ cert: certPem, key: keyPem }, (_, response) => response.end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  await using daemon = await DaemonFixture.start(
    onePool([], {
      pool: { servers: [`127.0.0.1:${port}`], upstream: { tls: { verify: false }, keepalive: 0 } },
    }),
  );

  const client = connect(daemon.port(), '127.0.0.1');
  client.pause();
  client.write('GET / HTTP/1.1\r\nHost: t.example\r\nConnection: close\r\n\r\n');
  // Long enough for the buffers of the kernel to be full.
  await sleep(500);
  const chunks: Buffer[] = [];
  let gulp = 0;
  client.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    gulp += chunk.length;
    if (gulp < MIB) return;
    gulp = 0;
    client.pause();
    setTimeout(() => client.resume(), 2);
  });
  client.resume();
  await once(client, 'close');
  const answer = Buffer.concat(chunks);
  const got = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
  t.equal(got.length, BODY_BYTES);
  t.equal(hashOf(got), hashOf(body));
});
