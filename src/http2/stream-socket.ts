import { constants, type ServerHttp2Stream } from 'node:http2';
import { TunnelEnd, type TunnelSocket } from '../http/index.ts';

/** A stream of HTTP/2 where a socket is expected: END_STREAM is its FIN, RST_STREAM its RST (RFC 8441 section 5). */
class StreamSocket implements TunnelSocket {
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

/** The tunnel that a stream becomes: it gets what comes, once it asks for it. @param onBytes told of the size of each chunk */
export function tunnelOf(
  node: ServerHttp2Stream,
  isGone: boolean,
  onBytes: (bytes: number) => void,
): TunnelEnd {
  const tunnel = new TunnelEnd(new StreamSocket(node), []);
  if (isGone) {
    tunnel.deliverClose();
    return tunnel;
  }
  node.on('data', (chunk: Buffer) => {
    onBytes(chunk.length);
    tunnel.deliver(chunk);
  });
  node.on('end', () => tunnel.deliverEnd());
  node.on('drain', () => tunnel.deliverDrain());
  node.pause();
  return tunnel;
}
