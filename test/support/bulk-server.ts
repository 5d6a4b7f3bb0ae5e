/**
 * A server of large bodies, in a thread of its own: what it is sent it hashes, what it sends is always the same bytes.
 *   GET /length/BYTES, GET /chunked/BYTES   a body of so many bytes, framed so
 *   POST /                                  answers with the SHA-256 and the size of what came
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

export const BLOCK_BYTES = 1024 * 1024;

/** Blocks that all differ, without making each anew: block `i` has its number in every page. */
export class Blocks {
  readonly #block = Buffer.alloc(BLOCK_BYTES);

  constructor() {
    for (let at = 0; at < BLOCK_BYTES; at += 4)
      this.#block.writeUInt32LE(Math.imul(at, 0x9e3779b1) >>> 0, at);
  }

  /** A copy: whoever sends it may still hold on to it when the next is made. */
  at(index: number): Buffer {
    const block = Buffer.from(this.#block);
    for (let at = 0; at < BLOCK_BYTES; at += 4096) block.writeUInt32LE(index, at);
    return block;
  }
}

/** SHA-256 of the first `count` blocks. */
export function digestOf(count: number): string {
  const blocks = new Blocks();
  const hash = createHash('sha256');
  for (let i = 0; i < count; i++) hash.update(blocks.at(i));
  return hash.digest('hex');
}

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  response.end(JSON.stringify({ sha256: hash.digest('hex'), size }));
}

async function send(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, framing, bytes] = (request.url ?? '').split('/');
  const count = Number(bytes) / BLOCK_BYTES;
  if (framing === 'length') response.setHeader('content-length', Number(bytes));
  const blocks = new Blocks();
  for (let i = 0; i < count; i++) if (!response.write(blocks.at(i))) await once(response, 'drain');
  response.end();
}

export interface BulkServer extends AsyncDisposable {
  readonly port: number;
}

export async function bulkServer(): Promise<BulkServer> {
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
  const server = createServer((request, response) => {
    const done = request.method === 'POST' ? receive(request, response) : send(request, response);
    done.catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1', () => port.postMessage((server.address() as AddressInfo).port));
}
