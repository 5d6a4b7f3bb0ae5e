/**
 * Over the wire: a daemon of its own between many clients with changed requests and servers with changed answers.
 *
 * Oracle for requests: the reading in memory (whose own oracles are the parts `requests` and `differential`) says which
 * requests the bytes are. The server must see those and no others, byte for byte as they go on; nothing of what was
 * refused; and each answer at the client is the one of its request.
 * Oracle for answers: a good one arrives as it is, a bad one is a 502 or visibly broken off, and in both cases the next
 * request gets its own answer.
 */
import { readAnswer, readRequests } from '../../../test/support/codec/reading.ts';
import { type Message, statusOf, valuesOf } from '../../../test/support/http-message.ts';
import type { Corpus } from '../corpus.ts';
import { type FuzzInput, type Part, piecesOf } from '../input.ts';
import { LaneClient, type Seen } from '../lane.ts';
import { askPlainly, echo, LANES, type Lane, Lanes, readAll } from '../lanes.ts';
import { combine, makeCuts, mutate } from '../mutate.ts';
import { makeAnswer } from './answers.ts';

const MAX_INTERIM = 32;

export async function wirePart(corpus: Corpus): Promise<Part> {
  const lanes = await Lanes.open();
  return {
    name: 'wire',
    width: LANES,
    make(random) {
      if (random.below(3) === 0) return makeAnswer(corpus.answers, random);
      const text = mutate(combine(corpus.requests, random), random);
      return { text, cuts: makeCuts(text.length, random) };
    },
    check: (input) =>
      lanes.take((lane) =>
        input.method === undefined ? checkRequests(lane, input) : checkAnswer(lane, input),
      ),
    settled: () => lanes.settled(),
    [Symbol.asyncDispose]: () => lanes[Symbol.asyncDispose](),
  };
}

// ---- requests

async function checkRequests({ server, port }: Lane, input: FuzzInput): Promise<string> {
  server.reply = ({ message }, count) => {
    const text = `HTTP/1.1 200 OK\r\nX-Seq: ${count}\r\nContent-Length: 2\r\n\r\n`;
    const body = message.start.startsWith('HEAD ') ? '' : 'ok';
    return { pieces: [Buffer.from(text + body)], hasFin: false };
  };
  const { requests: expected, faults } = readRequests([Buffer.from(input.text, 'latin1')], false, 'at_once');
  const methods = expected.map(({ line }) => line.slice(0, line.indexOf(' ')));
  const wanted =
    faults.length + expected.filter((it) => it.trailers !== null || it.fault !== undefined).length;
  const client = new LaneClient(port);
  await client.send(piecesOf(input));
  const came = await client.until(() => readAll(client.raw, methods).messages.length >= wanted);
  await client.hangUp();
  if (!came)
    return `silent: neither ${wanted} answers nor an end: ${JSON.stringify(client.raw.slice(0, 300))}`;
  const answers = readAll(client.raw, methods);
  // A request whose answer the client did not get may still be on its way to the server.
  const proxied = answers.messages.filter((it) => valuesOf(it, 'x-seq').length > 0);
  if (answers.messages.length < expected.length || server.seen.length !== proxied.length)
    await server.hangUp();
  if (server.garbage !== '') return `upstream garbage: ${JSON.stringify(server.garbage.slice(0, 500))}`;
  if (answers.garbage !== '') return `client garbage: ${JSON.stringify(answers.garbage.slice(0, 500))}`;
  return compareSeen(server.seen, answers.messages, expected);
}

type Expected = ReturnType<typeof readRequests>['requests'];

function compareSeen(seen: readonly Seen[], answers: readonly Message[], expected: Expected): string {
  const said = (): string =>
    JSON.stringify({ expected, answers, seen: seen.map((it) => it.raw) }).slice(0, 3000);
  if (answers.length > expected.length + 1)
    return `answers: ${answers.length} to ${expected.length} requests: ${said()}`;
  let at = 0;
  for (const [i, answer] of answers.entries()) {
    const sequence = valuesOf(answer, 'x-seq')[0];
    if (sequence === undefined) continue;
    if (sequence !== String(++at)) return `order: answer ${i} is the server's number ${sequence}: ${said()}`;
    const difference = compareOne(seen[at - 1], expected[i]);
    if (difference !== '') return `request: ${difference}: ${said()}`;
  }
  // One more may have been seen than was answered: its answer was lost with the connection.
  const unanswered = expected[answers.length];
  if (seen.length === at) return '';
  if (seen.length > at + 1 || unanswered === undefined)
    return `smuggled: ${seen.length} requests at the server: ${said()}`;
  const difference = compareOne(seen[at], unanswered);
  return difference === '' ? '' : `smuggled: ${difference}: ${said()}`;
}

function compareOne(seen: Seen | undefined, expected: Expected[number] | undefined): string {
  if (seen === undefined) return 'answered but never seen';
  if (expected === undefined || expected.trailers === null) return 'seen but not a request';
  const [method, target] = expected.line.split(' ');
  if (seen.message.start !== `${method} ${target} HTTP/1.1`)
    return `seen ${seen.message.start}, was ${expected.line}`;
  if (!seen.raw.includes(`\r\n${expected.forward}`))
    return `other fields than ${JSON.stringify(expected.forward)}`;
  return seen.message.body === expected.body ? '' : 'another body';
}

// ---- answers

async function checkAnswer(lane: Lane, input: FuzzInput): Promise<string> {
  const { text, method = 'GET' } = input;
  const read = readAnswer(method, [Buffer.from(text, 'latin1')]);
  lane.server.reply = (seen) =>
    seen.message.start.includes(' /fuzz ')
      ? { pieces: piecesOf(input).filter((it) => it.length > 0), hasFin: !read.isWhole }
      : echo(seen);
  const client = new LaneClient(lane.port);
  const body = method === 'POST' ? 'Content-Length: 0\r\n' : '';
  await client.send([Buffer.from(`${method} /fuzz HTTP/1.1\r\nHost: h.example\r\n${body}\r\n`)]);
  let { messages, garbage } = { messages: [] as Message[], garbage: '' };
  const came = await client.until(() => {
    ({ messages, garbage } = readAll(client.raw, [method]));
    return messages.length > 0 || garbage !== '';
  });
  ({ messages, garbage } = readAll(client.raw, [method]));
  const complaint = came ? judgeAnswer(read, messages, garbage) : 'silent: no end of the answer';
  await client.hangUp();
  if (complaint !== '') return `${complaint}: ${JSON.stringify({ read, raw: client.raw }).slice(0, 3000)}`;
  const next = await askPlainly(lane, '/next');
  return next === '' ? '' : `poisoned: ${next}`;
}

function judgeAnswer(
  read: ReturnType<typeof readAnswer>,
  messages: readonly Message[],
  garbage: string,
): string {
  if (garbage !== '') return `client garbage: ${JSON.stringify(garbage.slice(0, 300))}`;
  const [answer] = messages;
  const last = read.seen.at(-1)?.[0] ?? 0;
  const interims = read.seen.filter(([status]) => status < 200 && status !== 101).length;
  const isWhole = read.isWhole || (read.framing === 'close' && read.fault === undefined);
  if (!isWhole || last === 101 || interims > MAX_INTERIM) {
    const isOurs = answer !== undefined && statusOf(answer.start) === 502;
    return answer === undefined || isOurs ? '' : 'taken: a bad answer was passed on as a good one';
  }
  if (answer === undefined) return 'lost: a good answer did not arrive';
  if (statusOf(answer.start) !== last) return `changed: ${answer.start} instead of ${last}`;
  return answer.body === read.body ? '' : 'changed: another body';
}
