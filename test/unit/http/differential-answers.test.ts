/**
 * The same answers of a server to this parser and to Node's own client (llhttp, `insecureHTTPParser: false`): where both take
 * one they take the same one, and every other difference is in a table with its reason. What we would take for the end of
 * an answer and a server would not is how one client gets another's.
 */
import { request as nodeRequest } from 'node:http';
import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import t from 'tap';
import { AnswerBody } from '../../../src/forward/answer-body.ts';
import { HttpFault, ResponseReader } from '../../../src/http/index.ts';

const RUNS = 3000;
/** One and the same, so that a rare find fails the change that makes it and no other; any seed holds. */
const SEED = 20261121;

/** What a reader makes of a stream that ends; `none`: no whole answer. */
type Seen =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly fields: readonly string[];
    }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'none' };

const LIMITS = {
  connectTimeoutMs: 0,
  firstByteTimeoutMs: 0,
  bodyTimeoutMs: 0,
  idleTimeoutMs: 0,
  maxAgeMs: 0,
  maxHeadBytes: 16_384,
  maxFields: 100,
};

/** As a connection to a server reads it, which then closes. */
function readHere(bytes: Buffer): Seen {
  const heads = new ResponseReader(LIMITS);
  for (let at = 0; at < bytes.length; ) {
    const whole = heads.push(bytes, at, bytes.length);
    if (whole === null) return { kind: 'none' };
    if (whole instanceof HttpFault) return { kind: 'refused', why: whole.detail };
    const { head, bodyStart } = whole;
    at = bodyStart;
    if (head.isInterim) continue;
    const body = new AnswerBody(LIMITS);
    body.begin(head, 'GET');
    let text = '';
    if (!body.isDone) {
      const end = body.push(bytes, at, bytes.length, {
        onChunkData: (buffer, from, to) => {
          text += buffer.toString('latin1', from, to);
        },
      });
      if (end instanceof HttpFault) return { kind: 'refused', why: end.detail };
    }
    if (!body.isDone && !body.endsByClose) return { kind: 'none' };
    const trailers = body.trailers();
    if (trailers instanceof HttpFault) return { kind: 'refused', why: trailers.detail };
    const fields = head.fields.forward.split('\r\n').slice(0, -1);
    return { kind: 'answer', status: head.status, body: text, fields };
  }
  return { kind: 'none' };
}

/** As Node's client reads it. */
function readThere(bytes: Buffer): Promise<Seen> {
  return new Promise((resolve) => {
    const [near, far] = duplexPair();
    far.on('error', () => {});
    far.resume();
    const request = nodeRequest({
      host: 't.example',
      insecureHTTPParser: false,
      createConnection: () => near as unknown as Socket,
    });
    const done = (seen: Seen): void => {
      resolve(seen);
      request.destroy();
      far.destroy();
    };
    request.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message;
      done(
        code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE'
          ? { kind: 'refused', why: code }
          : { kind: 'none' },
      );
    });
    request.on('upgrade', (answer) => done({ kind: 'refused', why: `upgrade ${answer.statusCode}` }));
    request.on('response', (answer) => {
      let body = '';
      answer.setEncoding('latin1');
      answer.on('data', (text: string) => {
        body += text;
      });
      answer.on('error', (error: NodeJS.ErrnoException) => {
        const code = error.code ?? '';
        done(
          code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE'
            ? { kind: 'refused', why: code }
            : { kind: 'none' },
        );
      });
      answer.on('end', () => {
        const { rawHeaders, statusCode: status = 0 } = answer;
        const fields = rawHeaders.flatMap((name, i) =>
          i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : [],
        );
        done({ kind: 'answer', status, body, fields });
      });
    });
    request.end();
    far.end(bytes);
    // All of it is in memory: what has not been read after some turns never will be.
    let turns = 0;
    const look = (): void => {
      if (++turns < 30) setImmediate(look);
      else done({ kind: 'none' });
    };
    look();
  });
}

interface Difference {
  readonly why: string;
  /** What Sluice says, else what Node says. */
  readonly says: RegExp;
  readonly example: string;
}

const OK = 'HTTP/1.1 200 OK\r\n';

/** Node takes it, we refuse it. */
const ONLY_NODE_TAKES: readonly Difference[] = [
  {
    why: 'a list of codings, or one that we do not know: where its end is would be a guess (RFC 9112 section 6.1)',
    says: /a transfer coding other than chunked/,
    example: `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  },
  {
    why: 'two lines are a list of two codings',
    says: /two Transfer-Encoding fields/,
    example: `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  {
    why: 'RFC 9110 section 15: status codes begin at 100; others made proxies throw',
    says: /bad status code/,
    example: 'HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n',
  },
  {
    why: 'another version of HTTP, or an empty line where an answer should begin',
    says: /the answer is not HTTP\/1\.x/,
    example: 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n',
  },
];

/** We take it, Node refuses it. */
const ONLY_WE_TAKE: readonly Difference[] = [
  {
    why: 'bytes behind a whole answer: it is delivered, and its connection never used again (forward/connection.ts)',
    says: /HPE_INVALID_CONSTANT|HPE_CLOSED_CONNECTION/,
    example: 'HTTP/1.1 204 No\r\n\r\nbody',
  },
];

/** '' when both read the same; the reason of a known difference; `UNKNOWN …` for one that nobody has looked at. */
function compare(here: Seen, there: Seen): string {
  if (here.kind === 'answer' && there.kind === 'answer') {
    const missing = here.fields.find((line) => !there.fields.includes(line));
    if (missing !== undefined) return `UNKNOWN: field ${missing} here only`;
    const isSame = here.status === there.status && here.body === there.body;
    return isSame ? '' : `UNKNOWN: ${JSON.stringify([here, there])}`;
  }
  if (here.kind === 'answer') {
    const why = there.kind === 'refused' ? there.why : 'none';
    return ONLY_WE_TAKE.find((it) => it.says.test(why))?.why ?? `UNKNOWN: only taken here, there ${why}`;
  }
  if (there.kind === 'answer') {
    const why = here.kind === 'refused' ? here.why : 'none';
    return ONLY_NODE_TAKES.find((it) => it.says.test(why))?.why ?? `UNKNOWN: only taken by Node, here ${why}`;
  }
  return '';
}

const LINES = [
  ...[
    'X-A: 1',
    'X-A:2',
    'x-b:  \tv  ',
    'Set-Cookie: a=b',
    'Set-Cookie: c=d',
    'X-C: caf\xe9',
    'X-Empty:',
    'Trailer: x',
  ],
  ...[
    'Connection: close',
    'Connection: keep-alive, X-A',
    'Keep-Alive: timeout=5',
    'Upgrade: h2c',
    'Date: x',
    'Server: y',
  ],
  ...[
    'Content-Length: 3',
    'Content-Length: 3, 3',
    'Content-Length : 3',
    'Content-Length: +3',
    'X-Lf: a\nX: b',
    'Content-Length: 03',
  ],
  ...[
    'Content-Length: 0x3',
    'Transfer-Encoding: identity',
    'Transfer-Encoding: gzip, chunked',
    ' folded: x',
    'X-Cr: a\rX: b',
  ],
  ...[
    'Transfer-Encoding: Chunked',
    '\tfolded',
    'no colon',
    ': empty',
    'WWW-Authenticate: NTLM',
    'X y: z',
    'X-Nul: a\0',
  ],
];
const STARTS = [
  ...[
    'HTTP/1.1 200 OK',
    'HTTP/1.1 200 OK',
    'HTTP/1.1 200 OK',
    'HTTP/1.0 200 OK',
    'HTTP/1.1 204 No',
    'HTTP/1.1 304 Not',
  ],
  ...[
    'HTTP/1.1 404 ',
    'HTTP/1.1 500',
    'HTTP/1.1 999 Odd',
    'HTTP/1.1 200 caf\xe9',
    'HTTP/1.1 099 Low',
    'HTTP/1.1 2000 High',
  ],
  ...[
    'HTTP/1.1 20 Short',
    'HTTP/2.0 200 OK',
    'HTTP/1.2 200 OK',
    'http/1.1 200 OK',
    'HTTP/1.1  200 OK',
    'ICY 200 OK',
  ],
];
const INTERIM = ['', '', '', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'];
const NASTY = [...'\r\n\t :,;0ax\0\x0b\x7f\x80+-_#"/\\?%.*', '\r\n', '\r\n\r\n', 'chunked', 'close'];

const data = fc.string({ maxLength: 20 }).map((text) => Buffer.from(text, 'latin1').toString('latin1'));
const chunk = fc
  .tuple(
    data.filter((text) => text !== ''),
    fc.constantFrom('', ';x=y', ';x="q"'),
  )
  .map(([text, extension]) => `${text.length.toString(16)}${extension}\r\n${text}\r\n`);
const framing = fc.oneof(
  data.map((body) => ({ line: '', body })),
  data.map((body) => ({ line: `Content-Length: ${body.length}\r\n`, body })),
  fc
    .tuple(fc.array(chunk, { maxLength: 3 }), fc.constantFrom('', 'X-T: 1\r\n'))
    .map(([chunks, trailers]) => ({
      line: 'Transfer-Encoding: chunked\r\n',
      body: `${chunks.join('')}0\r\n${trailers}\r\n`,
    })),
);
const answer = fc
  .record({
    interim: fc.constantFrom(...INTERIM),
    start: fc.constantFrom(...STARTS),
    lines: fc.array(fc.constantFrom(...LINES), { maxLength: 3 }),
    framing,
  })
  .map(({ interim, start, lines, framing }) => {
    const fields = [...lines.map((line) => `${line}\r\n`), framing.line].join('');
    return `${interim}${start}\r\n${fields}\r\n${framing.body}`;
  });
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.integer({ min: 0, max: 2 }),
  insert: fc.constantFrom('', ...NASTY),
});
const stream = fc.tuple(answer, fc.array(edit, { maxLength: 2 })).map(([text, edits]) => {
  let changed = text;
  for (const { at, remove, insert } of edits) {
    const place = Math.floor(at * changed.length);
    changed = changed.slice(0, place) + insert + changed.slice(place + remove);
  }
  return changed;
});

t.test('each known difference is one', async (t) => {
  for (const [differences, taker] of [
    [ONLY_NODE_TAKES, 'there'],
    [ONLY_WE_TAKE, 'here'],
  ] as const)
    for (const { why, example } of differences) {
      const bytes = Buffer.from(example, 'latin1');
      const seen = { here: readHere(bytes), there: await readThere(bytes) };
      t.equal(seen[taker].kind, 'answer', `${taker}: ${why}`);
      t.equal(compare(seen.here, seen.there), why, JSON.stringify(example));
    }
});

t.test('answers made at random are read alike', async (t) => {
  const counts = new Map<string, number>();
  const property = fc.asyncProperty(stream, async (text) => {
    const bytes = Buffer.from(text, 'latin1');
    const why = compare(readHere(bytes), await readThere(bytes));
    counts.set(why, (counts.get(why) ?? 0) + 1);
    if (why.startsWith('UNKNOWN')) throw new Error(`${why} of ${JSON.stringify(text)}`);
  });
  await fc.assert(property, { numRuns: RUNS, seed: SEED });
  t.comment(JSON.stringify([...counts], null, 1));
  t.ok((counts.get('') ?? 0) > RUNS / 2, 'most are read alike');
});
