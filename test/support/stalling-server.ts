/**
 * A server in a thread of its own that keeps clients waiting:
 *   POST /         takes the body and never answers
 *   GET /big       an answer of 64 MiB, as far as it is taken
 *   all else       a small answer at once
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const BIG = 64 * 1024 * 1024;

export interface StallingServer extends AsyncDisposable {
  readonly port: number;
}

export async function stallingServer(): Promise<StallingServer> {
  const worker = new Worker(new URL(import.meta.url));
  const [port] = (await once(worker, 'message')) as [number];
  return {
    port,
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}

if (!isMainThread && parentPort) {
  const port = parentPort;
  const block = Buffer.alloc(256 * 1024, 'x');
  const server = createServer((socket) => {
    let isTaking = false;
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      const head = bytes.toString('latin1');
      if (isTaking || head.startsWith('POST ')) isTaking = true;
      else if (head.startsWith('GET /big')) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG}\r\n\r\n`);
        let left = BIG / block.length;
        const send = (): void => {
          while (left-- > 0) if (!socket.write(block)) return;
        };
        socket.on('drain', send);
        send();
      } else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmall');
    });
  });
  server.listen(0, '127.0.0.1', () => port.postMessage((server.address() as AddressInfo).port));
}
