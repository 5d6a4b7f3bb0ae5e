/**
 * One request and its answer as the handlers see them. A handler returns an `Answer`, throws a `Problem`, or
 * streams by itself and returns 'streamed'; only answer.ts and the streaming handlers touch the response.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../kernel/clock.ts';
import { badParameters, type FieldError, Problem } from './problem.ts';
import { wholeParameter } from './query.ts';

export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** The target's path, as it came (not decoded). */
  readonly path: string;
  readonly parameters: URLSearchParams;
  /** The {id} of the path, 0 where the route has none. */
  readonly id: number;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The media type of `body`; default application/json. */
  readonly type?: string;
  readonly body?: string;
}

export type Handler = (call: Call) => Answer | Promise<Answer | 'streamed'>;

/** An answer with a JSON body. */
export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, body: JSON.stringify(value) };
}

/** True when the request announces a body. */
export function hasBody(request: IncomingMessage): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  );
}

/** A required or defaulted whole-number parameter; throws 400. */
export function oneParameter(
  call: Call,
  name: string,
  bounds: { readonly min: number; readonly max: number; readonly fallback: number },
): number {
  const errors: FieldError[] = [];
  const value = wholeParameter(call.parameters, name, bounds, errors);
  if (errors.length > 0) throw badParameters(errors);
  return value;
}

/** Lets the client send a body that it holds back (RFC 9110 section 10.1.1). */
export function letContinue(call: Call): void {
  if (call.request.headers.expect?.toLowerCase() === '100-continue') call.response.writeContinue();
}

/** Resolves after `delayMs`, or rejects as soon as the client has left. */
export function pause(clock: Clock, call: Call, delayMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      timer.cancel();
      reject(new ClientGone());
    };
    const timer = clock.setTimer(delayMs, () => {
      call.response.off('close', leave);
      resolve();
    });
    call.response.once('close', leave);
  });
}

/** The client closed its connection: nobody is left to answer. */
export class ClientGone extends Error {
  constructor() {
    super('the client closed the connection');
    this.name = 'ClientGone';
  }
}

/** The Accept field allows JSON (RFC 9110 section 12.5.1), or is absent. */
export function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept === '*/*') return true;
  let best = { precision: -1, isAllowed: false };
  for (const item of accept.split(',')) {
    const [range = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const precision = ['*/*', 'application/*', 'application/json'].indexOf(range);
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    const isAllowed = quality === undefined || Number(quality.slice(2)) > 0;
    if (precision > best.precision) best = { precision, isAllowed };
  }
  return best.isAllowed;
}

/** Throws 406 when the client takes no JSON. */
export function requireJsonAccepted(call: Call): void {
  if (acceptsJson(call.request.headers.accept)) return;
  throw new Problem(406, 'not_acceptable', 'This resource is only there as application/json');
}
