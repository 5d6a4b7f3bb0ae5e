/**
 * The least that a proxy on Node can be: bytes of each client go to a connection of its own to the backend and back. It knows
 * no HTTP, adds no field, balances nothing and writes no log: what it costs no proxy on node:net and node:tls can undercut
 * but by going around them. Arguments: plain port, TLS port, backend's port, certificate, key.
 */
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

const [plain, tls, backend, certPath = '', keyPath = ''] = process.argv.slice(2);
const BUFFER_BYTES = 64 * 1024;

function relay(client: Socket): void {
  const server = connect({
    port: Number(backend),
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: Buffer.alloc(BUFFER_BYTES),
      callback: (size, buffer) => {
        // A copy: the next read may come before these bytes have left.
        if (!client.write(Buffer.from(buffer.subarray(0, size)))) server.pause();
        return true;
      },
    },
  });
  client.on('data', (bytes) => {
    if (!server.write(bytes)) client.pause();
  });
  server.on('drain', () => client.resume());
  client.on('drain', () => server.resume());
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.on('error', () => {});
    one.on('close', () => other.destroy());
  }
}

createServer({ noDelay: true }, relay).listen(Number(plain), '127.0.0.1');
createTlsServer({ cert: readFileSync(certPath), key: readFileSync(keyPath), noDelay: true }, relay).listen(
  Number(tls),
  '127.0.0.1',
);
// An orderly end, so that --cpu-prof writes its file.
process.once('SIGTERM', () => process.exit());
