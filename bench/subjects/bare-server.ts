/**
 * The least that a Node process needs for a connection: it answers each request with the same bytes and knows no HTTP.
 * Arguments: plain port, TLS port, certificate, key.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

const [plain, tls, certPath = '', keyPath = ''] = process.argv.slice(2);
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n';

function serve(socket: Socket): void {
  socket.on('data', () => socket.write(ANSWER));
  socket.on('error', () => socket.destroy());
}

createServer({ noDelay: true }, serve).listen(Number(plain), '127.0.0.1', 4096);
createTlsServer({ cert: readFileSync(certPath), key: readFileSync(keyPath), noDelay: true }, serve).listen(
  Number(tls),
  '127.0.0.1',
  4096,
);
