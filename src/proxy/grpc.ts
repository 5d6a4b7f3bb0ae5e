/**
 * Our own answers to gRPC calls: a client looks for grpc-status, and takes an error page for a broken server. The answer is
 * Trailers-Only, HTTP 200 with the status among its fields
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, statuscodes.md, http-grpc-status-mapping.md).
 */
import { REASONS, type Reason } from '../kernel/reason.ts';
import type { OwnAnswer } from './answers.ts';
import type { Exchange } from './exchange.ts';

/** `application/grpc`, `application/grpc+proto`, `application/grpc-web-text` … */
const GRPC = /^content-type:[ \t]*application\/grpc(?:[-+;]|[ \t]*\r)/im;

/** Whether these field lines are a gRPC call's. */
export function isGrpc(fields: string): boolean {
  return GRPC.test(fields);
}

/** Of a call the body has no pace: it is one side of a conversation, which may be silent for as long as a WebSocket. */
export function beginCall(exchange: Exchange): void {
  if (!isGrpc(exchange.stream.head.fields.forward)) return;
  exchange.silenceMs = exchange.listener.tunnelIdleTimeoutMs;
  exchange.stream.converse(exchange.silenceMs);
}

/** What a server answers to a call may be no call's answer: a page, which then is one like any other. */
export function checkCall(exchange: Exchange, answerFields: string): void {
  if (exchange.silenceMs === 0) return;
  if (isGrpc(answerFields)) noteStatus(exchange, answerFields);
  else exchange.silenceMs = 0;
}

/** The answer of a server has ended with these. */
export function endCall(exchange: Exchange, trailers: string): void {
  if (exchange.silenceMs > 0) noteStatus(exchange, trailers);
}

const STATUS = /^grpc-status:[ \t]*(\d{1,3})[ \t]*\r/im;

function noteStatus(exchange: Exchange, lines: string): void {
  const status = STATUS.exec(lines)?.[1];
  if (status !== undefined) exchange.grpcStatus = Number(status);
}

/**
 * Ends an exchange in the midst of its answer, so that it does not look whole: a call by its status, all else by a reset. So does
 * a call over HTTP/1.1, which has no gRPC: who gets no trailers there would take what has come for all of it.
 */
export function breakOff(exchange: Exchange, reason: Reason, detail: string): void {
  const { silenceMs, stream } = exchange;
  if (silenceMs > 0 && stream.protocol === 'HTTP/2') {
    exchange.grpcStatus = grpcCodeOf(REASONS[reason].status);
    stream.endAnswer(grpcStatusLines(reason, detail));
  } else stream.abort();
  exchange.finish(reason);
}

/** gRPC's status codes. */
const CODE = {
  cancelled: 1,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** What an HTTP status of ours means to a gRPC client. What it may try again later is UNAVAILABLE. */
export function grpcCodeOf(status: number): number {
  switch (status) {
    case 401:
      return CODE.unauthenticated;
    case 403:
      return CODE.permissionDenied;
    case 404:
    case 405:
    case 501:
      return CODE.unimplemented;
    case 408:
    case 504:
      return CODE.deadlineExceeded;
    case 413:
    case 429:
    case 431:
      return CODE.resourceExhausted;
    case 499:
      return CODE.cancelled;
    case 502:
    case 503:
      return CODE.unavailable;
    default:
      return CODE.internal;
  }
}

/** Field lines that end a call, as trailers or in a Trailers-Only answer. */
export function grpcStatusLines(reason: Reason, detail: string): string {
  const { status, title } = REASONS[reason];
  const text = detail === '' ? `${reason}: ${title}` : `${reason}: ${detail}`;
  return `grpc-status: ${grpcCodeOf(status)}\r\ngrpc-message: ${percentEncoded(text)}\r\n`;
}

/** A whole answer that says why a call is not served. `fields` are further lines. */
export function grpcAnswer(reason: Reason, detail: string, fields: string): OwnAnswer {
  return {
    head: {
      status: 200,
      phrase: 'OK',
      fields: `Content-Type: application/grpc\r\n${grpcStatusLines(reason, detail)}${fields}`,
      framing: 'none',
      contentLength: 0,
      hasDate: false,
      memo: '',
    },
    body: '',
  };
}

/** Of a gRPC message all bytes but printable ASCII, and the percent sign, are escaped. */
function percentEncoded(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text))
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}
