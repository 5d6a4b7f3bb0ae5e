import type { ResponseHead, TunnelEnd } from '../http/index.ts';
import { isShortage } from '../kernel/errors.ts';

/** How an attempt on one server failed, and what is known of how far it came. */
export interface AttemptFailure {
  /**
   * `connect_error`: no connection, nothing was sent. `reset`: the server ended the connection. `timeout`: it
   * kept silent. `bad_answer`: it broke HTTP. `shortage`: this machine had no file or port for a connection, which is
   * not the server's fault. `full`: the server takes no further request for now, and got nothing of this one.
   */
  readonly kind: 'connect_error' | 'reset' | 'timeout' | 'bad_answer' | 'shortage' | 'full';
  /** What happened, for the log: system error, or the rule that was broken. */
  readonly detail: string;
  /** Whether a byte of the request was handed to the system for sending. */
  readonly wasSent: boolean;
  /** Whether a byte of the answer had come. */
  readonly hadAnswer: boolean;
  /** Whether the connection had served another request before: then its end may be a stale keep-alive. */
  readonly wasReused: boolean;
}

/** What an error of a connection's socket means to its attempt. */
export function failureKindOf(error: Error, isConnecting: boolean): AttemptFailure['kind'] {
  if (!isConnecting) return 'reset';
  return isShortage(error) ? 'shortage' : 'connect_error';
}

/** Whether what nobody asked for begins as a 408: some servers say so before they close an idle connection (RFC 9110 section 15.5.9). */
export function isGoodbye(bytes: Buffer, from: number, to: number): boolean {
  return /^HTTP\/1\.[01] 408/.test(bytes.toString('latin1', from, Math.min(to, from + 12)));
}

/** What an exchange hears of its attempt. After `onAnswerEnd`, `onUpgrade` or `onFailed` nothing more comes. */
export interface AttemptEvents {
  /** The connection is there: send now. Called during `open` when an idle one was at hand. */
  onReady(): void;
  onInterim(head: ResponseHead): void;
  onAnswerHead(head: ResponseHead): void;
  /**
   * Bytes of the answer's body. The range is the connection's own read buffer: it stays as it is until this
   * returns, or, after `pause()`, until `resume()`. The bytes before `from` may be overwritten.
   */
  onAnswerData(buffer: Buffer, from: number, to: number): void;
  onAnswerEnd(trailers: string): void;
  /** All that one read brought was handed over. */
  onReadDone(): void;
  /** The server said 101; the tunnel end is its side. */
  onUpgrade(head: ResponseHead, server: TunnelEnd): void;
  onFailed(failure: AttemptFailure): void;
  /**
   * The server is known to be down, or takes nothing for now, and no byte of the answer has come. The attempt goes on as if
   * nothing had been said; whoever can do better cancels it. `failure` is what it would be if it failed now.
   */
  onServerDown(failure: AttemptFailure): void;
  /** Room for more of the request. */
  onServerDrain(): void;
}
