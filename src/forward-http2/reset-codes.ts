/** What the codes of RST_STREAM and GOAWAY say (RFC 9113 section 7). */
import { constants } from 'node:http2';

const NAMES: readonly string[] = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
];

export function codeName(code: number): string {
  return NAMES[code] ?? `code ${code}`;
}

/** With these one side says that the other broke the rules; nghttp2 resets what breaks them with the first (RFC 9113 section 8.1.1). */
const BROKEN: ReadonlySet<number> = new Set([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_FLOW_CONTROL_ERROR,
  constants.NGHTTP2_FRAME_SIZE_ERROR,
  constants.NGHTTP2_COMPRESSION_ERROR,
  constants.NGHTTP2_HTTP_1_1_REQUIRED,
]);

export function isBrokenRule(code: number): boolean {
  return BROKEN.has(code);
}
