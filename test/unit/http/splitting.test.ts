/**
 * A TCP stream has no pieces: however the bytes of a case are cut, the same comes of them as in one piece. Every wire
 * case, byte by byte, in every two parts (large ones: cut around the ends of their lines) and at random, as requests from
 * a client and as answers from a server.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { ChunkedDecoder, filterTrailers, HttpFault, ResponseReader } from '../../../src/http/index.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { expand, type WireCase } from '../../support/wire-case.ts';
import { WireFixture } from '../../support/wire-fixture.ts';

const ALL_PLACES_BELOW_BYTES = 2048;
const random = new SeededRandom(20260926);

const cases = JSON.parse(
  readFileSync(new URL('../../conformance/wire-cases.json', import.meta.url), 'utf8'),
) as WireCase[];

function bytesOf(text: string): Buffer {
  return Buffer.from(expand(text), 'latin1');
}

/** Where to cut in two: everywhere, or in large texts around their first 50 line ends and the very end. */
function places(bytes: Buffer): number[] {
  if (bytes.length <= ALL_PLACES_BELOW_BYTES)
    return Array.from({ length: Math.max(0, bytes.length - 1) }, (_, i) => i + 1);
  const found = new Set<number>();
  let at = bytes.indexOf('\n');
  for (let i = 0; i < 50 && at >= 0; i++) {
    for (let near = at - 2; near <= at + 2; near++) found.add(near);
    at = bytes.indexOf('\n', at + 1);
  }
  for (let near = bytes.length - 3; near < bytes.length; near++) found.add(near);
  return [...found].filter((place) => place > 0 && place < bytes.length);
}

/** At random places, a few of them. */
function cutAtRandom(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const next = at + 1 + random.below(1 + random.below(bytes.length - at));
    pieces.push(bytes.subarray(at, next));
    at = next;
  }
  return pieces;
}

/** All ways to cut, each with its name. */
function* cuts(bytes: Buffer): Generator<[name: string, pieces: Buffer[]]> {
  for (let i = 0; i < 5; i++) {
    const pieces = cutAtRandom(bytes);
    yield [`in ${pieces.length} of ${pieces.map((it) => it.length)} (seed ${random.seed})`, pieces];
  }
  yield ['byte by byte', Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))];
  for (const place of places(bytes))
    yield [`in two at ${place}`, [bytes.subarray(0, place), bytes.subarray(place)]];
}

interface Way {
  readonly name: string;
  /** When requests are answered: as soon as they are complete, or when all bytes have come. */
  readonly answers: 'at_once' | 'at_the_end';
}

/** What came of the bytes at the client's side: requests, faults, how it ended, what was answered. */
function readRequests(pieces: readonly Buffer[], hasFin: boolean, way: Way['answers']): unknown {
  const wire = new WireFixture({
    limits: { maxBodyBytes: 1024 * 1024 },
    ...(way === 'at_the_end' ? { onComplete: () => {} } : {}),
  });
  // What a socket reads belongs to the reader, who may move it about.
  for (const piece of pieces) wire.socket.receive(Buffer.from(piece));
  // Answered one after the other: the next one is only read then.
  for (let i = 0; i < wire.requests.length; i++) {
    const seen = wire.requests[i];
    if (seen && way === 'at_the_end' && (seen.trailers !== null || seen.fault)) seen.answer();
    wire.socket.settle();
  }
  if (hasFin) wire.socket.receiveEnd();
  return {
    requests: wire.requests.map(({ stream: { head, bytesIn }, body, trailers, fault, isClientGone }) => ({
      line: `${head.method} ${head.target} 1.${head.minor}`,
      authority: head.authority,
      forward: head.fields.forward,
      framing: `${head.bodyKind} ${head.fields.contentLength}`,
      upgrade: head.upgrade,
      // Of a body that breaks off it depends on the pieces how much of it is handed on first.
      body: fault === null ? body : '',
      bytesIn: fault === null ? bytesIn : 0,
      trailers,
      fault: fault?.reason,
      isClientGone,
    })),
    faults: wire.faults.map((fault) => fault.reason),
    closing: [wire.socket.isEnded, wire.socket.destroyed, wire.socket.isReset, wire.closes],
    sent: wire.socket.sent,
  };
}

t.test('requests', async (t) => {
  const ways: Way[] = [
    { name: 'answered at once', answers: 'at_once' },
    { name: 'answered when all has come', answers: 'at_the_end' },
  ];
  for (const { name, answers } of ways) {
    await t.test(name, (t) => {
      let count = 0;
      for (const wire of cases) {
        const bytes = bytesOf([wire.send, ...(wire.then ?? []).map((it) => it.send)].join(''));
        const whole = readRequests([bytes], wire.fin === true, answers);
        const other = [...cuts(bytes)].find(([, pieces]) => {
          count++;
          return JSON.stringify(readRequests(pieces, wire.fin === true, answers)) !== JSON.stringify(whole);
        });
        if (other)
          t.same(readRequests(other[1], wire.fin === true, answers), whole, `${wire.id} ${other[0]}`);
        else t.pass(wire.id);
      }
      t.ok(count > 15_000, `${count} cuts`);
      t.end();
    });
  }
});

/** What came of the bytes of a server: each head, the body of the final answer, and where it ended. */
function readAnswer(method: string, pieces: readonly Buffer[]): unknown {
  const heads = new ResponseReader({ maxHeadBytes: 64 * 1024, maxFields: 256 });
  const seen: unknown[] = [];
  let body = '';
  let framing = '';
  let remaining = 0;
  let decoder: ChunkedDecoder | null = null;
  let surplus = '';
  let fault: HttpFault | null = null;
  const sink = {
    onChunkData: (buffer: Buffer, from: number, to: number) => {
      body += buffer.toString('latin1', from, to);
    },
  };
  for (const piece of pieces) {
    let at = 0;
    while (at < piece.length && fault === null) {
      if (framing === '') {
        const whole = heads.push(piece, at, piece.length);
        if (whole === null) break;
        if (whole instanceof HttpFault) {
          fault = whole;
          break;
        }
        const { head, bodyStart } = whole;
        at = bodyStart;
        seen.push([head.status, head.minor, head.phrase, head.fields.forward, head.keepsAlive]);
        if (head.isInterim && head.status !== 101) continue;
        framing = head.framing(method);
        remaining = head.fields.contentLength;
        if (framing === 'chunked') decoder = new ChunkedDecoder(64 * 1024);
      } else if (decoder && !decoder.isDone) {
        const end = decoder.push(piece, at, piece.length, sink);
        if (end instanceof HttpFault) fault = end;
        else at = end;
      } else {
        const left = piece.length - at;
        const take = framing === 'close' ? left : framing === 'length' ? Math.min(left, remaining) : 0;
        if (take === 0) {
          surplus += piece.toString('latin1', at);
          break;
        }
        sink.onChunkData(piece, at, at + take);
        remaining -= take;
        at += take;
      }
    }
  }
  const section = decoder?.isDone ? decoder.trailers : '';
  const trailers = filterTrailers(section, 100);
  return {
    seen,
    framing,
    surplus: fault ? '' : surplus,
    body: fault ? '' : body,
    fault: fault?.reason,
    isDone: decoder?.isDone,
    section,
    trailers: trailers instanceof HttpFault ? trailers.reason : trailers,
  };
}

t.test('answers', (t) => {
  let count = 0;
  const replies = cases.filter((it) => it.upstream_reply !== undefined);
  for (const wire of replies) {
    const bytes = bytesOf(wire.upstream_reply as string);
    const method = wire.send.slice(0, wire.send.indexOf(' '));
    const whole = readAnswer(method, [bytes]);
    const other = [...cuts(bytes)].find(([, pieces]) => {
      count++;
      return JSON.stringify(readAnswer(method, pieces)) !== JSON.stringify(whole);
    });
    if (other) t.same(readAnswer(method, other[1]), whole, `${wire.id} ${other[0]}`);
    else t.pass(wire.id);
  }
  t.ok(replies.length >= 30, `${replies.length} answers`);
  t.ok(count > 2000, `${count} cuts`);
  t.end();
});
