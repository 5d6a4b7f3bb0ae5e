/**
 * The bytes of grpc.health.v1 (https://github.com/grpc/grpc/blob/master/doc/health-checking.md): two messages of one field each
 * are no reason for a library.
 *
 *   message HealthCheckRequest  { string service = 1; }
 *   message HealthCheckResponse { ServingStatus status = 1; }     0 UNKNOWN, 1 SERVING, 2 NOT_SERVING, 3 SERVICE_UNKNOWN
 */
export const CHECK_PATH = '/grpc.health.v1.Health/Check';
/** Compressed or not, and the length, before each message. */
const PREFIX_BYTES = 5;
const STATUSES: readonly string[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** gRPC's codes by number. */
const CODES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** A request in its frame. @param service '' = the server as a whole */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.of(0x0a), varint(name.length), name]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** The status in an answer's body; undefined when it is no such message. */
export function decodeStatus(body: Buffer): string | undefined {
  if (body.length < PREFIX_BYTES || body[0] !== 0) return undefined;
  const message = body.subarray(PREFIX_BYTES);
  if (message.length !== body.readUInt32BE(1)) return undefined;
  let status = 0;
  for (let at = 0; at < message.length; ) {
    const key = readVarint(message, at);
    if (key === undefined) return undefined;
    const value = readVarint(message, key.end);
    if (value === undefined) return undefined;
    const isText = (key.value & 7) === 2;
    // Fields of a later version are skipped: numbers and texts.
    if (key.value === 0x08) status = value.value;
    else if ((key.value & 7) !== 0 && !isText) return undefined;
    at = isText ? value.end + value.value : value.end;
  }
  return STATUSES[status] ?? `status ${status}`;
}

/** What is wrong with the end of a call; '' = nothing. @param code of `grpc-status`; @param message percent-encoded */
export function statusFailure(code: string | undefined, message: string | undefined): string {
  if (code === '0') return '';
  if (code === undefined) return 'no grpc-status in the answer';
  const name = CODES[Number(code)] ?? `grpc-status ${code}`;
  return message === undefined || message === '' ? name : `${name}: ${decoded(message)}`;
}

function decoded(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function readVarint(bytes: Buffer, at: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return { value: value >>> 0, end: at + i + 1 };
  }
  return undefined;
}
