/**
 * HTTP/1.1 messages read strictly, out of all bytes seen so far, as latin1 text. Written apart from src/http on
 * purpose: what the tests take for right must not be what the code under test takes for right.
 */

export interface Message {
  /** Request or status line. */
  readonly start: string;
  /** Names in lower case, in their order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** As far as it has come; chunks joined. */
  readonly body: string;
  /** Trailer lines in lower case, '' for none. */
  readonly trailers: string;
}

export type Reading =
  /** Not complete yet; `message` as soon as its head is there. */
  | { readonly kind: 'partial'; readonly message: Message | undefined }
  | { readonly kind: 'bad' }
  | {
      readonly kind: 'complete';
      readonly message: Message;
      readonly rest: string;
      /** False: it ends with the connection; the body is all that came. */
      readonly isFramed: boolean;
    };

/** Which kind of message it is decides what stands for "no framing fields". */
export type Role = 'request' | 'answer' | 'bodyless answer';

const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/s;
const CHUNK_SIZE = /^([0-9a-fA-F]{1,16})(;[^\r\n]*)?\r\n/;
const TRAILERS = /^((?:[^\r\n]+\r\n)*)\r\n/;

export function readMessage(text: string, role: Role): Reading {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return { kind: 'partial', message: undefined };
  const [start = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const fields: [string, string][] = [];
  for (const line of lines) {
    const match = FIELD.exec(line);
    if (!match) return { kind: 'bad' };
    fields.push([(match[1] as string).toLowerCase(), match[2] as string]);
  }
  const head = { start, fields, body: '', trailers: '' };
  const rest = text.slice(headEnd + 4);
  if (role === 'bodyless answer') return { kind: 'complete', message: head, rest, isFramed: true };
  const codings = valuesOf(head, 'transfer-encoding');
  const lengths = valuesOf(head, 'content-length');
  if (codings.length > 0) {
    const isChunked = codings.join(',').toLowerCase() === 'chunked' && lengths.length === 0;
    return isChunked ? readChunks(head, rest) : { kind: 'bad' };
  }
  if (lengths.length > 0) return readLength(head, rest, lengths);
  if (role === 'request') return { kind: 'complete', message: head, rest, isFramed: true };
  return { kind: 'complete', message: { ...head, body: rest }, rest: '', isFramed: false };
}

export function valuesOf(message: Message, name: string): string[] {
  return message.fields.filter(([each]) => each === name).map(([, value]) => value);
}

function readLength(head: Message, rest: string, lengths: readonly string[]): Reading {
  const [text = ''] = lengths;
  if (lengths.length > 1 || !/^\d+$/.test(text)) return { kind: 'bad' };
  const length = Number(text);
  if (rest.length < length) return { kind: 'partial', message: { ...head, body: rest } };
  const message = { ...head, body: rest.slice(0, length) };
  return { kind: 'complete', message, rest: rest.slice(length), isFramed: true };
}

function readChunks(head: Message, text: string): Reading {
  let rest = text;
  let body = '';
  for (;;) {
    const partial: Reading = { kind: 'partial', message: { ...head, body } };
    const match = CHUNK_SIZE.exec(rest);
    if (!match) return rest.length > 20 && !/^[0-9a-fA-F]/.test(rest) ? { kind: 'bad' } : partial;
    const size = Number.parseInt(match[1] as string, 16);
    rest = rest.slice(match[0].length);
    if (size === 0) {
      const end = TRAILERS.exec(rest);
      if (!end) return partial;
      const message = { ...head, body, trailers: (end[1] as string).toLowerCase() };
      return { kind: 'complete', message, rest: rest.slice(end[0].length), isFramed: true };
    }
    if (rest.length < size + 2)
      return { kind: 'partial', message: { ...head, body: body + rest.slice(0, size) } };
    if (rest.slice(size, size + 2) !== '\r\n') return { kind: 'bad' };
    body += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
}

/** The status of an answer, 0 for what is none. */
export function statusOf(start: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(start)?.[1] ?? 0);
}

/** The role of the answer that starts `text` to a request with this method. */
export function answerRole(text: string, method: string): Role {
  const status = statusOf(text.slice(0, Math.max(0, text.indexOf('\r\n'))));
  const isBodyless = method === 'HEAD' || (status >= 100 && status < 200) || status === 204 || status === 304;
  return isBodyless ? 'bodyless answer' : 'answer';
}
