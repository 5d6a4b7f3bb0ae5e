/**
 * Sending small whole answers past Node's stream. `respond`, `write` and `end` of a stream check and translate the fields each
 * time anew, and take five objects and two later calls for one write; that is a tenth of what a small request costs. Here
 * the fields come in the form that nghttp2 is given, and the bytes go to the stream's inner handle. The stream itself
 * is ended as usual: it closes, and reports resets, as any other.
 *
 * This is the inner form of Node 26. Whether this Node has it is seen from its own first answer: if that reaches the handle
 * exactly as ours would, ours go there from then on. With any other Node the stream is used, slower, with the same
 * bytes on the wire.
 */
import type { ServerHttp2Stream } from 'node:http2';

/** Fields in nghttp2's form: each as name NUL value NUL flags (none: NUL), and how many. */
export type PackedFields = readonly [text: string, count: number];

/** Bytes of the names and values. */
export function textBytes([text, count]: PackedFields): number {
  return text.length - 3 * count;
}

interface Handle {
  respond(fields: PackedFields, options: number): number;
  /** What is left to do comes as a request, otherwise an error number or 0. */
  writeBuffer(request: null, bytes: Uint8Array): number | { buffer: unknown };
}
interface State {
  /** One bit of them says that the head was sent. */
  flags: number;
  /** Somebody asked for the body of the request. */
  didRead: boolean;
}
type Inner = Record<symbol, unknown>;

/** How this Node calls the handles of its streams, as a thread has seen it. */
export class AnswerWay {
  #kind: 'unknown' | 'direct' | 'stream' = 'unknown';
  #handle: symbol | undefined;
  #state: symbol | undefined;
  #sentFlag = 0;

  /**
   * Sends an answer whole. Of a stream that is open, with nothing sent, whose request is complete. The fields are such as
   * `respond` would take (lower case, none that belong to a connection).
   * @param bytes nobody touches them any more
   * @returns false = nothing was done; send it by the stream
   */
  send(node: ServerHttp2Stream, fields: PackedFields, bytes: Uint8Array): boolean {
    if (this.#kind !== 'direct') {
      if (this.#kind === 'unknown') this.#watch(node, fields);
      return false;
    }
    const inner = node as unknown as Inner;
    const handle = inner[this.#handle as symbol] as Handle | undefined;
    const state = inner[this.#state as symbol] as State;
    if (!handle || handle.respond(fields, 0) < 0) return false;
    state.flags |= this.#sentFlag;
    const result = handle.writeBuffer(null, bytes);
    // The bytes stay where they are while their frames wait.
    if (typeof result === 'object') result.buffer = bytes;
    // An error is left to the stream: it gets the same from the handle and knows whom to tell.
    else if (result !== 0) node.write(bytes);
    // With nothing written by itself the stream finishes at once. Of one whose request nobody read Node then makes a
    // reset, which overtakes what still waits for the socket or for a window.
    state.didRead = true;
    node.end();
    return true;
  }

  /** Compares what the stream does next, which is to send the same answer, with what would be done here. */
  #watch(node: ServerHttp2Stream, fields: PackedFields): void {
    const symbols = Object.getOwnPropertySymbols(node);
    this.#handle = symbols.find(({ description }) => description === 'kHandle');
    this.#state = symbols.find(({ description }) => description === 'state');
    const inner = node as unknown as Inner;
    const handle = this.#handle && (inner[this.#handle] as Handle | undefined);
    const state = this.#state && (inner[this.#state] as State | undefined);
    if (typeof state?.flags !== 'number' || typeof state.didRead !== 'boolean' || !isHandle(handle)) {
      this.#kind = 'stream';
      return;
    }
    let isSame = false;
    const { flags } = state;
    const { respond, writeBuffer } = handle;
    handle.respond = (given, options): number => {
      // Not deleted: that would make a slow object of the handle.
      handle.respond = respond;
      this.#sentFlag = state.flags & ~flags;
      isSame = options === 0 && given[0] === fields[0] && given[1] === fields[1] && isOneBit(this.#sentFlag);
      return respond.call(handle, given, options);
    };
    handle.writeBuffer = (request, data) => {
      handle.writeBuffer = writeBuffer;
      const result = writeBuffer.call(handle, request, data);
      const isKnown = typeof result === 'number' || typeof result === 'object';
      if (this.#kind === 'unknown') this.#kind = isSame && request === null && isKnown ? 'direct' : 'stream';
      return result;
    };
  }
}

function isHandle(handle: Handle | undefined): handle is Handle {
  return typeof handle?.respond === 'function' && typeof handle.writeBuffer === 'function';
}

function isOneBit(flags: number): boolean {
  return flags > 0 && (flags & (flags - 1)) === 0;
}
