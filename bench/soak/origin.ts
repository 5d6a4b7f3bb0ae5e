/**
 * A server behind the soak, as a program of its own so that it can be killed: small answers, answers of any size, uploads
 * that are counted and hashed, errors, slow answers, WebSocket echo. What it does is the second segment of the path (the
 * first says who asks, for the log). Argument: the port. Prints `listening`.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import { watchLifeline } from '../../src/kernel/lifeline.ts';
import { patternBytes } from './pattern.ts';

const MAX_BYTES = 64 * 1024 * 1024;
const PIECE = patternBytes(64 * 1024);

function download(bytes: number, response: ServerResponse): void {
  response.writeHead(200, { 'content-length': bytes });
  let left = Math.min(bytes, MAX_BYTES);
  const more = (): void => {
    while (left > 0) {
      const piece = left >= PIECE.length ? PIECE : PIECE.subarray(0, left);
      left -= piece.length;
      if (!response.write(piece)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
}

function upload(request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  request.on('end', () => response.end(`${bytes} ${hash.digest('hex')}`));
}

const server = createServer({ keepAliveTimeout: 5000, noDelay: true }, (request, response) => {
  const url = new URL(request.url ?? '/', 'http://origin');
  const count = Number(url.searchParams.get('n') ?? 0);
  switch (url.pathname.split('/')[2]) {
    case 'download':
      download(count, response);
      return;
    case 'upload':
      upload(request, response);
      return;
    case 'error':
      request.resume();
      response.writeHead(500).end('a fault of this server');
      return;
    case 'late':
      setTimeout(() => response.end('late'), count);
      return;
    default:
      request.resume();
      response.end(`{"path":"${url.pathname}"}`);
  }
});
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('error', () => socket.terminate());
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
watchLifeline(() => process.exit());
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write('listening\n'));
