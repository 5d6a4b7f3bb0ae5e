/**
 * A TCP stream has no pieces: however the bytes of a case are cut, the same comes of them as in one piece. Every wire
 * case, byte by byte, in every two parts (large ones: cut around the ends of their lines) and at random, as requests from
 * a client and as answers from a server.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { type AnswerTime, readAnswer, readRequests } from '../../support/codec/reading.ts';
import { expand, type WireCase } from '../../support/wire-case.ts';

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
  readonly answers: AnswerTime;
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
