/**
 * What an exchange needs of the way to its server, whatever is spoken there: a connection of HTTP/1.1 that serves one
 * attempt after another (connection.ts), or a stream of an HTTP/2 connection that many attempts share (forward-http2/).
 *
 *   channels.take() ─▶ channel.open(events) ─▶ onReady ─▶ send, writeBody…, endBody ─▶ onAnswer… ─▶ onAnswerEnd
 */
import type { AttemptEvents } from './attempt.ts';
import type { ServerRequest } from './request-writer.ts';
import type { Reuse } from './retry.ts';

/** Carries one attempt. */
export interface ServerChannel {
  /** `onReady` comes at once or when it is connected. */
  open(events: AttemptEvents): void;
  /** Sends the head and as much of the body as is known. */
  send(request: ServerRequest): void;
  /** @returns false when the bytes must stay untouched, and no more be written, until `onServerDrain` */
  writeBody(chunk: Buffer): boolean;
  endBody(trailers: string): void;
  /** No more of the answer for now. */
  pause(): void;
  resume(): void;
  /** The bytes of the answer are not used any more, after a pause that outlived it. */
  release(): void;
  /** Ends the attempt without a word. @param isAnswered what is left of its answer may come, if that is no bother */
  cancel(isAnswered?: boolean): void;
  /** Bytes that are held for it. */
  readonly heldBytes: number;
}

/** All ways of this thread to one server. Survive reloads that keep the server. */
export interface ServerChannels {
  /** Open connections. */
  readonly count: number;
  /** @param proxyHeader what a connection for this client begins with; '' where the server wants none */
  take(reuse: Reuse, proxyHeader?: string): ServerChannel;
  /** The server left: what is idle ends now, the rest after its exchanges. */
  retire(): void;
  /** The server turned unhealthy: attempts that wait for it may go elsewhere. */
  tellServerDown(detail: string): void;
  /** Ends all, whatever they do. */
  destroy(): void;
}
