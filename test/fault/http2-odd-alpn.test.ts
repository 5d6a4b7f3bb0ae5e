/** Attack class 34 (Node CVE-2021-22883): clients that offer protocols which nobody speaks, or speak none that they agreed on. */
import { readdirSync } from 'node:fs';
import { connect } from 'node:tls';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';

const CLIENTS = 300;
const AT_ONCE = 20;

const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** Resolves when the other side has ended the connection. */
function visit(port: number, offer: string[], says: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', ALPNProtocols: offer, rejectUnauthorized: false });
    socket.on('error', () => {});
    socket.on('secureConnect', () => socket.write(says));
    socket.on('data', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve());
  });
}

t.test('descriptors come back', async (t) => {
  await using daemon = await DaemonFixture.start({
    certificates: { local: { self_signed: ['localhost'] } },
    listeners: { https: { address: '127.0.0.1', port: 0, tls: { certificates: ['local'] } } },
    routes: [{ respond: { status: 200, body: 'hi' } }],
  });
  const kinds: readonly (readonly [string[], string])[] = [
    [['spdy/3'], ''],
    [['h3', 'x'.repeat(200)], ''],
    [['h2'], 'GET / HTTP/1.1\r\nHost: t.example\r\n\r\n'],
    [['http/1.1'], 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ];
  const before = openFiles();
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < CLIENTS) {
        const [offer, says] = kinds[next++ % kinds.length] as readonly [string[], string];
        await visit(daemon.port(), offer, says);
      }
    }),
  );
  await daemon.idle();
  await daemon.until(`${before} files`, () => openFiles() <= before + 5);
  t.pass(`${CLIENTS} clients left nothing`);
});
