import { constants, type ServerHttp2Stream } from 'node:http2';
import type { TunnelEnd, TunnelSocket } from '../http/index.ts';

/** A stream of HTTP/2 where a socket is expected: END_STREAM is its FIN, RST_STREAM its RST (RFC 8441 section 5). */
export class StreamSocket implements TunnelSocket {
  readonly #node: ServerHttp2Stream;

  constructor(node: ServerHttp2Stream) {
    this.#node = node;
  }

  get writableLength(): number {
    return this.#node.writableLength;
  }

  write(chunk: Buffer): boolean {
    return this.#isOpen() ? this.#node.write(chunk) : true;
  }

  pause(): void {
    this.#node.pause();
  }

  resume(): void {
    this.#node.resume();
  }

  end(): void {
    if (this.#isOpen()) this.#node.end();
  }

  destroySoon(): void {
    if (!this.#isOpen()) return;
    this.#node.end();
    // Waits for what was written: the writable side is ending.
    this.#node.close(constants.NGHTTP2_NO_ERROR);
  }

  destroy(): void {
    // Not `close`: that ends the writable side first, which would look like a FIN.
    if (!this.#node.destroyed) this.#node.destroy(new Error('cut off'));
  }

  #isOpen(): boolean {
    return !this.#node.destroyed && !this.#node.closed;
  }
}

/** Hands a tunnel what comes on its stream, once it asks for it. @param onBytes told of the size of each chunk */
export function feedTunnel(
  node: ServerHttp2Stream,
  tunnel: TunnelEnd,
  onBytes: (bytes: number) => void,
): void {
  node.on('data', (chunk: Buffer) => {
    onBytes(chunk.length);
    tunnel.deliver(chunk);
  });
  node.on('end', () => tunnel.deliverEnd());
  node.on('drain', () => tunnel.deliverDrain());
  node.pause();
}
