/**
 * Frames that break a rule of HTTP/2, in the order of RFC 9113 and RFC 7541 and of h2spec, whose cases these are, and what becomes of
 * each. nghttp2 and Node read them. Where they differ from the text a row says `milder` (what should end the connection is
 * ignored; no server hears of it) or `stricter` (what should cost a stream, or nothing, ends the connection, which
 * RFC 9113 section 5.4 allows): these rows are the whole list.
 */
import {
  ACK,
  block,
  CODE,
  END_HEADERS,
  END_STREAM,
  type Field,
  frame,
  REQUEST,
  request,
  TYPE,
} from './h2-frames.ts';

const PADDED = 0x8;
const PRIORITY = 0x20;
const BOTH = END_STREAM | END_HEADERS;
const GET = block(REQUEST);
export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};
export const setting = (id: number, value: number): Buffer =>
  Buffer.concat([Buffer.of(id >> 8, id & 255), u32(value)]);
const get = (stream: number, flags = BOTH): Buffer => frame(TYPE.headers, flags, stream, GET);
export const post = (stream: number, fields: readonly Field[] = [], flags = END_HEADERS): Buffer =>
  frame(TYPE.headers, flags, stream, block(request({ ':method': 'POST' }, fields)));
const asks = (changes: Parameters<typeof request>[0], fields: readonly Field[] = []): Buffer =>
  frame(TYPE.headers, BOTH, 1, block(request(changes, fields)));

/** What becomes of it: the connection ends with this code; stream 1 is reset by it, or refused with 400; it is answered; nothing. */
type Outcome = { readonly goaway: number } | { readonly reset: number } | 'served' | 'ignored';
const goaway = (code: number): Outcome => ({ goaway: code });
const reset = (code: number): Outcome => ({ reset: code });

const { protocol, flowControl, streamClosed, frameSize, compression } = CODE;
export const BROKEN_RULES: readonly [section: string, what: string, outcome: Outcome, ...frames: Buffer[]][] =
  [
    // RFC 9113 section 4: frames.
    ['4.1', 'a frame of an unknown type is ignored', 'served', frame(0x16, 0xff, 0, 'what'), get(1)],
    ['4.1', 'flags that mean nothing are ignored', 'served', frame(TYPE.ping, 0x16, 0, 'pingpong'), get(1)],
    ['4.1', 'the reserved bit is ignored', 'served', frame(TYPE.ping, 0, 0x80000000, 'pingpong'), get(1)],
    [
      '4.2',
      'DATA beyond the size that we take',
      goaway(frameSize),
      post(1),
      frame(TYPE.data, 0, 1, 'x'.repeat(16_385)),
    ],
    ['4.2', 'HEADERS beyond it', goaway(frameSize), frame(TYPE.headers, BOTH, 1, Buffer.alloc(16_385, 0x82))],
    [
      '4.3',
      'a field block that cannot be read',
      goaway(compression),
      frame(TYPE.headers, BOTH, 1, Buffer.of(0x40, 1, 0x78, 5, 0x61)),
    ],
    [
      '4.3',
      'PRIORITY inside of a field block',
      goaway(protocol),
      get(1, END_STREAM),
      frame(TYPE.priority, 0, 1, Buffer.alloc(5)),
      frame(TYPE.continuation, END_HEADERS, 1),
    ],
    ['4.3', 'HEADERS of another stream inside of it', goaway(protocol), get(1, END_STREAM), get(3)],
    // Section 5: streams.
    ['5.1', 'idle: DATA', goaway(protocol), frame(TYPE.data, END_STREAM, 1, 'x')],
    ['5.1', 'idle: RST_STREAM', goaway(protocol), frame(TYPE.reset, 0, 1, u32(CODE.cancel))],
    ['5.1', 'idle: WINDOW_UPDATE', goaway(protocol), frame(TYPE.windowUpdate, 0, 1, u32(100))],
    ['5.1', 'idle: CONTINUATION', goaway(protocol), frame(TYPE.continuation, END_HEADERS, 1, GET)],
    ['5.1', 'half-closed: DATA', goaway(streamClosed), get(1), frame(TYPE.data, END_STREAM, 1, 'x')],
    ['5.1', 'half-closed: HEADERS', goaway(streamClosed), get(1), get(1)],
    [
      '5.1',
      'half-closed: CONTINUATION',
      goaway(protocol),
      get(1),
      frame(TYPE.continuation, END_HEADERS, 1, GET),
    ],
    [
      '5.1',
      'milder: reset by the client, then DATA',
      'ignored',
      post(1),
      frame(TYPE.reset, 0, 1, u32(CODE.cancel)),
      frame(TYPE.data, END_STREAM, 1, 'x'),
    ],
    [
      '5.1',
      'milder: reset by the client, then HEADERS',
      'ignored',
      post(1),
      frame(TYPE.reset, 0, 1, u32(CODE.cancel)),
      get(1),
    ],
    ['5.1.1', 'an even stream', goaway(protocol), get(2)],
    ['5.1.1', 'milder: a stream lower than one before', 'ignored', post(5), get(3)],
    [
      '5.3.1',
      'HEADERS that depend on their own stream',
      goaway(protocol),
      frame(TYPE.headers, BOTH | PRIORITY, 1, Buffer.concat([u32(1), Buffer.of(255), GET])),
    ],
    [
      '5.5',
      'an unknown frame inside of a field block',
      goaway(protocol),
      get(1, END_STREAM),
      frame(0x16, 0, 1, 'x'),
      frame(TYPE.continuation, END_HEADERS, 1),
    ],
    // Section 6: each kind of frame.
    ['6.1', 'DATA on stream 0', goaway(protocol), frame(TYPE.data, END_STREAM, 0, 'x')],
    [
      '6.1',
      'DATA with more padding than frame',
      goaway(protocol),
      post(1),
      frame(TYPE.data, END_STREAM | PADDED, 1, Buffer.of(6, 0x78)),
    ],
    ['6.2', 'HEADERS on stream 0', goaway(protocol), get(0)],
    [
      '6.2',
      'HEADERS with more padding than frame',
      goaway(protocol),
      frame(TYPE.headers, BOTH | PADDED, 1, Buffer.of(6, 0x82)),
    ],
    ['6.3', 'milder: PRIORITY on stream 0', 'ignored', frame(TYPE.priority, 0, 0, Buffer.alloc(5))],
    ['6.3', 'PRIORITY of another length', goaway(frameSize), frame(TYPE.priority, 0, 1, Buffer.alloc(4))],
    ['6.4', 'RST_STREAM on stream 0', goaway(protocol), frame(TYPE.reset, 0, 0, u32(CODE.cancel))],
    [
      '6.4',
      'RST_STREAM of another length',
      goaway(frameSize),
      post(1),
      frame(TYPE.reset, 0, 1, Buffer.alloc(3)),
    ],
    ['6.5', 'SETTINGS with ACK and content', goaway(frameSize), frame(TYPE.settings, ACK, 0, setting(3, 1))],
    ['6.5', 'SETTINGS on a stream', goaway(protocol), frame(TYPE.settings, 0, 1, setting(3, 1))],
    ['6.5', 'SETTINGS of another length', goaway(frameSize), frame(TYPE.settings, 0, 0, Buffer.alloc(3))],
    ['6.5.2', 'ENABLE_PUSH 2', goaway(protocol), frame(TYPE.settings, 0, 0, setting(2, 2))],
    [
      '6.5.2',
      'INITIAL_WINDOW_SIZE of 2^31',
      goaway(flowControl),
      frame(TYPE.settings, 0, 0, setting(4, 2 ** 31)),
    ],
    ['6.5.2', 'MAX_FRAME_SIZE below 2^14', goaway(protocol), frame(TYPE.settings, 0, 0, setting(5, 16_383))],
    ['6.5.2', 'MAX_FRAME_SIZE of 2^24', goaway(protocol), frame(TYPE.settings, 0, 0, setting(5, 2 ** 24))],
    [
      '6.5.2',
      'an unknown setting is ignored',
      'served',
      frame(TYPE.settings, 0, 0, setting(0xff, 1)),
      get(1),
    ],
    [
      '6.6',
      'PUSH_PROMISE of a client',
      goaway(protocol),
      post(1),
      frame(TYPE.push, END_HEADERS, 1, Buffer.concat([u32(2), GET])),
    ],
    [
      '6.7',
      'stricter: PING with ACK that nobody waits for',
      goaway(CODE.internal),
      frame(TYPE.ping, ACK, 0, 'pingpong'),
      get(1),
    ],
    ['6.7', 'PING on a stream', goaway(protocol), frame(TYPE.ping, 0, 1, 'pingpong')],
    ['6.7', 'PING of another length', goaway(frameSize), frame(TYPE.ping, 0, 0, 'ping')],
    ['6.8', 'GOAWAY on a stream', goaway(protocol), frame(TYPE.goaway, 0, 1, Buffer.alloc(8))],
    [
      '6.9',
      'WINDOW_UPDATE of 0 for the connection',
      goaway(protocol),
      frame(TYPE.windowUpdate, 0, 0, u32(0)),
    ],
    [
      '6.9',
      'stricter: WINDOW_UPDATE of 0 for a stream',
      goaway(protocol),
      post(1),
      frame(TYPE.windowUpdate, 0, 1, u32(0)),
    ],
    [
      '6.9',
      'WINDOW_UPDATE of another length',
      goaway(frameSize),
      frame(TYPE.windowUpdate, 0, 0, Buffer.alloc(3)),
    ],
    [
      '6.9.1',
      'a window of the connection beyond 2^31-1',
      goaway(flowControl),
      frame(TYPE.windowUpdate, 0, 0, u32(2 ** 31 - 1)),
    ],
    [
      '6.9.1',
      'stricter: a window of a stream beyond it',
      goaway(flowControl),
      post(1),
      frame(TYPE.windowUpdate, 0, 1, u32(2 ** 31 - 1)),
    ],
    [
      '6.10',
      'CONTINUATIONs, as many as it takes',
      'served',
      frame(TYPE.headers, END_STREAM, 1, GET.subarray(0, 9)),
      frame(TYPE.continuation, 0, 1, GET.subarray(9, 11)),
      frame(TYPE.continuation, END_HEADERS, 1, GET.subarray(11)),
    ],
    [
      '6.10',
      'CONTINUATION, then another frame',
      goaway(protocol),
      get(1, END_STREAM),
      frame(TYPE.continuation, 0, 1),
      post(3),
    ],
    [
      '6.10',
      'CONTINUATION on stream 0',
      goaway(protocol),
      get(1, END_STREAM),
      frame(TYPE.continuation, END_HEADERS, 0),
    ],
    [
      '6.10',
      'CONTINUATION behind DATA',
      goaway(protocol),
      post(1),
      frame(TYPE.data, 0, 1, 'x'),
      frame(TYPE.continuation, END_HEADERS, 1, GET),
    ],
    ['7', 'an unknown error code does no harm', 'ignored', post(3), frame(TYPE.reset, 0, 3, u32(0xff))],
    // Section 8: requests.
    [
      '8.1',
      'HEADERS behind a body that do not end the stream',
      reset(protocol),
      post(1),
      frame(TYPE.data, 0, 1, 'x'),
      frame(TYPE.headers, END_HEADERS, 1, block([['x-t', '1']])),
    ],
    [
      '8.1',
      'pseudo-fields in trailers',
      reset(protocol),
      post(1),
      frame(TYPE.data, 0, 1, 'x'),
      frame(TYPE.headers, BOTH, 1, block([[':method', 'GET']])),
    ],
    ['8.2.1', 'a name in upper case', reset(protocol), asks({}, [['X-Test', 'ok']])],
    ['8.3', 'a pseudo-field that there is not', reset(protocol), asks({ ':test': 'ok' })],
    ['8.3', 'a pseudo-field of answers', reset(protocol), asks({ ':status': '200' })],
    [
      '8.3',
      'a pseudo-field behind a field',
      reset(protocol),
      frame(TYPE.headers, BOTH, 1, block([['x-t', '1'], ...REQUEST])),
    ],
    ['8.2.2', 'Connection', reset(protocol), asks({}, [['connection', 'keep-alive']])],
    ['8.2.2', 'TE other than trailers', reset(protocol), asks({}, [['te', 'trailers, deflate;q=0.5']])],
    ['8.3.1', 'an empty :path', reset(protocol), asks({ ':path': '' })],
    ['8.3.1', 'no :method', reset(protocol), asks({ ':method': undefined })],
    ['8.3.1', 'no :scheme', reset(protocol), asks({ ':scheme': undefined })],
    ['8.3.1', 'no :path', reset(protocol), asks({ ':path': undefined })],
    [
      '8.3.1',
      ':method twice',
      reset(protocol),
      frame(TYPE.headers, BOTH, 1, block([[':method', 'GET'], ...REQUEST])),
    ],
    [
      '8.3.1',
      ':scheme twice',
      reset(protocol),
      frame(TYPE.headers, BOTH, 1, block([[':scheme', 'http'], ...REQUEST])),
    ],
    [
      '8.3.1',
      ':path twice',
      reset(protocol),
      frame(TYPE.headers, BOTH, 1, block([[':path', '/'], ...REQUEST])),
    ],
    [
      '8.1.1',
      'stricter: more body than Content-Length',
      goaway(CODE.internal),
      post(1, [['content-length', '1']]),
      frame(TYPE.data, END_STREAM, 1, 'test'),
    ],
    [
      '8.1.1',
      'less body than it',
      reset(protocol),
      post(1, [['content-length', '9']]),
      frame(TYPE.data, END_STREAM, 1, 'test'),
    ],
    [
      '8.1.1',
      'stricter: several DATA, another sum',
      goaway(CODE.internal),
      post(1, [['content-length', '1']]),
      frame(TYPE.data, 0, 1, 'te'),
      frame(TYPE.data, END_STREAM, 1, 'st'),
    ],
    // RFC 7541: fields.
    [
      '7541 2.3.3',
      'an index that the table has not',
      goaway(compression),
      frame(TYPE.headers, BOTH, 1, Buffer.of(0xc6)),
    ],
    [
      '7541 4.2',
      'a new table size behind a field',
      goaway(compression),
      frame(TYPE.headers, BOTH, 1, Buffer.concat([GET, Buffer.of(0x20)])),
    ],
    [
      '7541 5.2',
      'Huffman padding longer than 7 bits',
      goaway(compression),
      frame(
        TYPE.headers,
        BOTH,
        1,
        Buffer.concat([GET, Buffer.of(0, 4, 0x74, 0x65, 0x73, 0x74, 0x85, 0x3b, 0xd7, 0x36, 0xff, 0xff)]),
      ),
    ],
    [
      '7541 5.2',
      'Huffman padding of zeros',
      goaway(compression),
      frame(
        TYPE.headers,
        BOTH,
        1,
        Buffer.concat([GET, Buffer.of(0, 4, 0x74, 0x65, 0x73, 0x74, 0x83, 0x49, 0x50, 0x90)]),
      ),
    ],
    [
      '7541 5.2',
      'Huffman text with EOS',
      goaway(compression),
      frame(
        TYPE.headers,
        BOTH,
        1,
        Buffer.concat([
          GET,
          Buffer.of(0, 4, 0x74, 0x65, 0x73, 0x74, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
        ]),
      ),
    ],
    ['7541 6.1', 'index 0', goaway(compression), frame(TYPE.headers, BOTH, 1, Buffer.of(0x80))],
    [
      '7541 6.3',
      'a table size beyond what we said',
      goaway(compression),
      frame(TYPE.headers, BOTH, 1, Buffer.of(0x3f, 0xe1, 0xff, 0x03)),
    ],
  ];
