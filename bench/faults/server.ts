/**
 * A server of bench/faults.ts, as a program of its own so that it can be killed and frozen. Answers any request after its service
 * time with `METHOD PATH BODY-LENGTH`, and /healthz at once. A line on standard input changes its mode, and is repeated on standard
 * output: `sound`, `slow` (ten times its service time), `garbage` (no answer is HTTP; /healthz stays sound).
 * Arguments: port, service time in ms. Prints `listening`.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/kernel/clock.ts';
import { watchLifeline } from '../../src/kernel/lifeline.ts';

const SLOW_TIMES = 10;
const [port = 0, serviceMs = 20] = process.argv.slice(2).map(Number);

/** What cannot be taken for an answer, nor for the beginning of one. */
const GARBAGE: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
  (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello'),
  (socket) => socket.end('HTTP/1.1 2xx Fine\r\n\r\n'),
  (socket) => socket.end('HTTP/1.1 200 OK\nContent-Length: 0\n\n'),
  (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: nonsense\r\n\r\n'),
  (socket) => socket.end(Buffer.alloc(300, '\x00\xff\x16\x03')),
  (socket) => socket.end(),
  (socket) => socket.resetAndDestroy(),
];

let mode = 'sound';
let turn = 0;

function answer(response: ServerResponse, text: string): void {
  if (mode !== 'garbage') {
    response.end(text);
    return;
  }
  const { socket } = response;
  if (socket) GARBAGE[turn++ % GARBAGE.length]?.(socket);
}

const server = createServer({ keepAliveTimeout: 60_000, noDelay: true }, (request, response) => {
  if (request.url === '/healthz') {
    response.end('ok');
    return;
  }
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on('end', () => {
    const text = `${request.method} ${request.url} ${bytes}`;
    systemClock.setTimer(mode === 'slow' ? serviceMs * SLOW_TIMES : serviceMs, () => answer(response, text));
  });
});
createInterface({ input: process.stdin }).on('line', (line) => {
  mode = line;
  process.stdout.write(`${line}\n`);
});
watchLifeline(() => process.exit());
server.listen(port, '127.0.0.1', () => process.stdout.write('listening\n'));
