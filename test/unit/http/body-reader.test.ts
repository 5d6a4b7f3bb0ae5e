import fc from 'fast-check';
import t from 'tap';
import { announcedFault, BodyReader, hasBody } from '../../../src/http/body-reader.ts';
import { HttpFault } from '../../../src/http/fault.ts';
import { parseRequestFields, type RequestFields } from '../../../src/http/request-fields.ts';
import { RequestHead } from '../../../src/http/request-head.ts';
import type { WireLimits } from '../../../src/http/wire.ts';
import { WIRE_LIMITS } from '../../support/wire-fixture.ts';

function fieldsOf(...lines: string[]): RequestFields {
  const fields = parseRequestFields(lines.map((line) => `${line}\r\n`).join(''), false, 100);
  if (fields instanceof HttpFault) throw new Error(fields.detail);
  return fields;
}

function headOf(minor: 0 | 1, ...lines: string[]): RequestHead {
  return new RequestHead('POST', '/', minor, fieldsOf(...lines), 'h.example');
}

interface Outcome {
  body: string;
  /** Bytes behind the body. */
  rest: string;
  isDone: boolean;
  fault: string;
  trailers: string;
}

/** Pushes the pieces one after the other, as a connection does. */
function readAll(lines: string[], pieces: readonly string[], limits: Partial<WireLimits> = {}): Outcome {
  const reader = new BodyReader(fieldsOf(...lines), { ...WIRE_LIMITS, ...limits }, 0);
  const outcome: Outcome = { body: '', rest: '', isDone: false, fault: '', trailers: '' };
  const sink = {
    onChunkData: (buffer: Buffer, from: number, to: number) => {
      outcome.body += buffer.toString('latin1', from, to);
    },
  };
  for (const piece of pieces) {
    if (reader.isDone) {
      outcome.rest += piece;
      continue;
    }
    const end = reader.push(Buffer.from(piece, 'latin1'), 0, sink);
    if (end instanceof HttpFault) return { ...outcome, fault: end.reason };
    outcome.rest += piece.slice(end);
  }
  const trailers = reader.trailers();
  if (trailers instanceof HttpFault) return { ...outcome, fault: trailers.reason };
  return { ...outcome, isDone: reader.isDone, trailers };
}

const LENGTH_5 = ['Content-Length: 5'];
const CHUNKED = ['Transfer-Encoding: chunked'];

t.test('where a body ends', (t) => {
  const table: [string, string[], string[], Partial<Outcome>][] = [
    ['length', LENGTH_5, ['hello'], { body: 'hello', isDone: true }],
    ['length, in pieces', LENGTH_5, ['he', 'l', 'lo'], { body: 'hello', isDone: true }],
    ['length, more behind it', LENGTH_5, ['helloGET'], { body: 'hello', rest: 'GET', isDone: true }],
    ['length, not all there', LENGTH_5, ['hell'], { body: 'hell', isDone: false }],
    ['chunked', CHUNKED, ['5\r\nhello\r\n0\r\n\r\n'], { body: 'hello', isDone: true }],
    [
      'chunked, more behind it',
      CHUNKED,
      ['1\r\na\r\n0\r\n\r\nGET'],
      { body: 'a', rest: 'GET', isDone: true },
    ],
    ['chunked, not all there', CHUNKED, ['5\r\nhello\r\n0\r\n'], { body: 'hello', isDone: false }],
    ['chunked and broken', CHUNKED, ['5\r\nhelloo'], { body: '', fault: 'bad_request' }],
    ['trailers', CHUNKED, ['0\r\nX-T: 1\r\nHost: x\r\n\r\n'], { isDone: true, trailers: 'X-T: 1\r\n' }],
    ['a bad trailer', CHUNKED, ['0\r\nX T: 1\r\n\r\n'], { fault: 'bad_request' }],
  ];
  for (const [name, lines, pieces, expected] of table) {
    const whole = { body: '', rest: '', isDone: false, fault: '', trailers: '' };
    t.same(readAll(lines, pieces), { ...whole, ...expected }, name);
  }
  t.end();
});

t.test('the chunks of one read go on in one piece, what is behind them stays as it is', (t) => {
  const sizes = [1, 1, 2, 100, 3, 1, 392];
  const data = Array.from({ length: 500 }, (_, i) => String.fromCharCode(33 + (i % 90))).join('');
  let at = 0;
  const chunks = sizes.map((size) => {
    at += size;
    return `${size.toString(16)};x=y\r\n${data.slice(at - size, at)}\r\n`;
  });
  const read = Buffer.from(`${chunks.join('')}0\r\nT: late\r\n\r\nGET /next`, 'latin1');
  const reader = new BodyReader(fieldsOf(...CHUNKED), WIRE_LIMITS, 0);
  const pieces: string[] = [];
  const end = reader.push(read, 0, {
    onChunkData: (buffer, from, to) => pieces.push(buffer.toString('latin1', from, to)),
  });
  t.same(pieces, [data]);
  t.equal(reader.trailers(), 'T: late\r\n');
  t.equal(read.toString('latin1', end as number), 'GET /next');
  t.end();
});

t.test('too large: not a byte of the piece that goes over goes on', (t) => {
  const table: [string, string[], string[], Partial<Outcome>][] = [
    ['at the limit', LENGTH_5, ['hello'], { body: 'hello', fault: '' }],
    ['length over it', ['Content-Length: 6'], ['hel', 'lo!'], { body: 'hel', fault: 'too_large' }],
    ['chunks up to it', CHUNKED, ['2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'], { body: 'hello', fault: '' }],
    [
      'chunks over it',
      CHUNKED,
      ['2\r\nhe\r\n3\r\nllo\r\n', '1\r\n!\r\n'],
      { body: 'hello', fault: 'too_large' },
    ],
  ];
  for (const [name, lines, pieces, expected] of table)
    t.match(readAll(lines, pieces, { maxBodyBytes: 5 }), expected, name);
  t.equal(readAll(['Content-Length: 6'], ['hello!'], { maxBodyBytes: 0 }).body, 'hello!', '0 is no limit');
  t.end();
});

t.test('any body, in any pieces, comes out as it went in', (t) => {
  const piece = fc.string({
    minLength: 1,
    maxLength: 40,
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  });
  const pieces = fc.array(piece, { minLength: 1, maxLength: 10 });
  const holds = fc.property(
    pieces,
    fc.array(fc.nat({ max: 500 }), { maxLength: 8 }),
    fc.boolean(),
    (parts, places, isChunked) => {
      const body = parts.join('');
      const text = isChunked
        ? `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`
        : body;
      const cuts = [...new Set([0, ...places.filter((at) => at < text.length), text.length])].sort(
        (a, b) => a - b,
      );
      const sent = cuts.slice(1).map((to, i) => text.slice(cuts[i], to));
      const outcome = readAll(isChunked ? CHUNKED : [`Content-Length: ${body.length}`], [...sent, 'NEXT']);
      return outcome.isDone && outcome.body === body && outcome.rest === 'NEXT';
    },
  );
  t.doesNotThrow(() => fc.assert(holds));
  t.end();
});

/** A reader of a long body that has had `bytes` since it began at 0. */
function paced(minRate: number, bodyTimeoutMs: number): { reader: BodyReader; feed(bytes: number): void } {
  const limits = { ...WIRE_LIMITS, minRate, bodyTimeoutMs };
  const reader = new BodyReader(fieldsOf('Content-Length: 1000000'), limits, 0);
  return {
    reader,
    feed: (bytes) => {
      reader.push(Buffer.alloc(bytes), 0, { onChunkData: () => {} });
    },
  };
}

const lookedAt = (reader: BodyReader, nowMs: number): number | string => {
  const next = reader.look(nowMs);
  return next instanceof HttpFault ? next.reason : next;
};

t.test('pace: silence', (t) => {
  const { reader, feed } = paced(0, 60_000);
  t.equal(reader.progress(0), 60_000);
  t.equal(lookedAt(reader, 59_999), 60_000, 'not yet');
  t.equal(lookedAt(reader, 60_000), 'body_timeout');
  feed(1);
  t.equal(reader.progress(50_000), 110_000, 'any progress starts it anew');
  t.equal(lookedAt(reader, 109_999), 110_000);
  t.equal(lookedAt(reader, 110_000), 'body_timeout');
  t.equal(reader.restart(200_000), 260_000, 'a pause of ours is not counted');
  t.equal(lookedAt(reader, 259_999), 260_000);
  t.end();
});

t.test('pace: slowness', (t) => {
  const { reader, feed } = paced(256, 60_000);
  t.equal(reader.progress(0), 10_000, 'a body has 10 s before its rate counts');
  feed(2559);
  t.equal(reader.progress(9000), 10_000);
  t.equal(lookedAt(reader, 10_000), 'body_timeout', '2 559 bytes in 10 s are too few');
  feed(1);
  reader.progress(10_000);
  t.equal(
    lookedAt(reader, 10_000),
    70_000,
    '2 560 are enough; the next window is as long as a silence may be',
  );
  t.equal(reader.restart(12_000), 22_000, 'after a pause of ours it has its 10 s again');
  t.equal(lookedAt(reader, 22_000), 'body_timeout', 'what came before counts no more');
  t.end();
});

t.test('pace: who was fast cannot drip afterwards', (t) => {
  const { reader, feed } = paced(256, 60_000);
  feed(900_000);
  reader.progress(1000);
  t.equal(lookedAt(reader, 10_000), 61_000, 'the first window was passed at once');
  for (let at = 11_000; at < 70_000; at += 1000) {
    feed(1);
    reader.progress(at);
  }
  t.equal(lookedAt(reader, 69_999), 70_000);
  t.equal(lookedAt(reader, 70_000), 'body_timeout', 'a byte a second is too slow for the second one');
  t.end();
});

t.test('pace: a silence that is allowed may be caught up with', (t) => {
  const { reader, feed } = paced(256, 60_000);
  feed(2560);
  reader.progress(0);
  t.equal(lookedAt(reader, 10_000), 60_000, 'silence since 0');
  feed(256 * 60);
  t.equal(reader.progress(59_000), 70_000);
  t.type(lookedAt(reader, 70_000), 'number');
  t.end();
});

t.test('the nearer of the two deadlines is the next', (t) => {
  const { reader } = paced(256, 3000);
  t.equal(reader.progress(0), 3000, 'silence comes first');
  t.equal(reader.progress(8000), 10_000, 'the rate comes first');
  t.end();
});

t.test('whether there is a body, and what is wrong with it before it comes', (t) => {
  const bodies: [string[], boolean][] = [
    [[], false],
    [['Content-Length: 0'], false],
    [['Content-Length: 1'], true],
    [CHUNKED, true],
  ];
  for (const [lines, expected] of bodies) t.equal(hasBody(fieldsOf(...lines)), expected, lines.join());
  const faults: [RequestHead, string | undefined][] = [
    [headOf(1), undefined],
    [headOf(1, 'Content-Length: 10'), undefined],
    [headOf(1, 'Content-Length: 11'), 'too_large'],
    [headOf(1, ...CHUNKED), undefined],
    [headOf(1, 'Expect: 100-Continue'), undefined],
    [headOf(1, 'Expect: 200-ok'), 'expectation'],
    [headOf(0, 'Expect: 200-ok'), undefined],
    [headOf(1, 'Expect: 200-ok', 'Content-Length: 11'), 'expectation'],
  ];
  for (const [head, expected] of faults) {
    const fault = announcedFault(head, { ...WIRE_LIMITS, maxBodyBytes: 10 });
    t.equal(fault?.reason, expected, JSON.stringify(head.fields.text));
  }
  t.equal(announcedFault(headOf(1, 'Content-Length: 11'), WIRE_LIMITS), null, '0 is no limit');
  t.end();
});
