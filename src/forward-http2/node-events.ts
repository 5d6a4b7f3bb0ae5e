/**
 * What Node tells of a client's stream, handed on to whoever it belongs to. The listeners are the same functions for all streams,
 * and find their owner in the stream: closures would be ten for each request.
 */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';

export interface StreamListener {
  onInterim(raw: readonly string[]): void;
  onHead(raw: readonly string[], flags: number): void;
  onData(chunk: Buffer): void;
  onTrailers(raw: readonly string[]): void;
  /** No more data comes. @param isReset the stream was reset, which Node tells as an end, too */
  onEndOfData(isReset: boolean): void;
  /** All data was handed over. */
  onEnd(): void;
  onError(error: Error): void;
  onClose(): void;
  /** The body was sent, of a request that may have trailers. */
  onWantTrailers(): void;
}

const LISTENER = Symbol('listener');
type Watched = ClientHttp2Stream & { [LISTENER]: StreamListener };

export function watch(stream: ClientHttp2Stream, listener: StreamListener): void {
  const node = stream as Watched;
  node[LISTENER] = listener;
  node.push = watchedPush;
  node.on('error', onError);
  node.on('headers', onInterim);
  node.on('response', onResponse);
  node.on('trailers', onTrailers);
  node.on('data', onData);
  node.on('end', onEnd);
  node.on('close', onClose);
  node.on('wantTrailers', onWantTrailers);
}

/**
 * Node ends the readable side with null, at END_STREAM and also after a reset with NO_ERROR, which without this would make a
 * whole answer of one that was cut off. Only after a reset the stream is closed by then.
 */
function watchedPush(this: Watched, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (chunk === null) this[LISTENER].onEndOfData(this.closed || this.destroyed);
  return Duplex.prototype.push.call(this, chunk, encoding);
}

function onError(this: Watched, error: Error): void {
  this[LISTENER].onError(error);
}
function onInterim(this: Watched, _fields: unknown, _flags: number, raw: string[]): void {
  this[LISTENER].onInterim(raw);
}
function onResponse(this: Watched, _fields: unknown, flags: number, raw: string[]): void {
  this[LISTENER].onHead(raw, flags);
}
function onTrailers(this: Watched, _fields: unknown, _flags: number, raw: string[]): void {
  this[LISTENER].onTrailers(raw);
}
function onData(this: Watched, chunk: Buffer): void {
  this[LISTENER].onData(chunk);
}
function onEnd(this: Watched): void {
  this[LISTENER].onEnd();
}
function onClose(this: Watched): void {
  this[LISTENER].onClose();
}
function onWantTrailers(this: Watched): void {
  this[LISTENER].onWantTrailers();
}

/** NGHTTP2_ERR_PROTO. */
const BROKEN_RULE = -505;

export interface SessionListener {
  /**
   * nghttp2 has found a rule broken: by one stream, which it resets, or by the connection, of which it then reads no more.
   * @param destroy what Node would do in both cases
   */
  onBrokenRule(destroy: () => void): void;
}

/**
 * Node ends the connection for what nghttp2 holds against one stream, such as more of an answer than its content-length, and
 * all other streams with it; a stream error is the stream's (RFC 9113 section 5.4.2). So who listens decides.
 */
export function watchRules(session: ClientHttp2Session, listener: SessionListener): void {
  const destroy = session.destroy.bind(session);
  session.destroy = (error, code) => {
    if (
      error instanceof Error &&
      (error as NodeJS.ErrnoException).errno === BROKEN_RULE &&
      !session.destroyed
    )
      listener.onBrokenRule(() => destroy(error, code));
    else destroy(error, code);
  };
}
