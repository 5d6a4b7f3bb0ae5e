/**
 * What sockets of Node have inside and do not offer. Everything that is reached for here can be missing in another version of
 * Node: then it is left alone, which costs speed or memory and nothing else.
 */
import type { Socket } from 'node:net';

/** Under which names a socket keeps what `net.connect({ onread })` gave it. */
export interface ReadSymbols {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly next: symbol;
}

type Inner = Record<symbol, unknown>;

/** The same for all sockets of a thread. */
let symbols: ReadSymbols | undefined;

/** Undefined where this Node, or this socket, has them not. */
export function readSymbolsOf(socket: Socket): ReadSymbols | undefined {
  symbols ??= findSymbols(socket);
  return symbols !== undefined && symbols.buffer in socket ? symbols : undefined;
}

function findSymbols(socket: Socket): ReadSymbols | undefined {
  const named = new Map(Object.getOwnPropertySymbols(socket).map((one) => [one.description, one]));
  const [buffer, callback, next] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) => named.get(name));
  return buffer && callback && next ? { buffer, callback, next } : undefined;
}

/**
 * Cuts a closed socket from all that it serves. Every stream of Node has a function that refers to it (`onwrite`), assigned to a
 * property as it is made; V8 puts such functions among the old objects at once. So a closed socket stays until the whole
 * heap is collected, and with it whatever its listeners and its read buffer refer to: at 6 000 connections a second
 * that was 30 MB a second to be copied twice. May be called while the socket emits 'close': all listeners are still told.
 */
export function emptySocket(socket: Socket): void {
  socket.removeAllListeners();
  // Nothing comes any more; but an error without a listener would end the process.
  socket.on('error', ignore);
  const names = readSymbolsOf(socket);
  if (names === undefined) return;
  const inner = socket as unknown as Inner;
  inner[names.buffer] = null;
  inner[names.callback] = ignore;
  inner[names.next] = null;
}

function ignore(): void {}
