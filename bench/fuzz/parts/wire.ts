/**
 * Over the wire: a daemon of its own between many clients with changed requests and servers with changed answers.
 *
 * Oracle for requests: the reading in memory (whose own oracles are the parts `requests` and `differential`) says which
 * requests the bytes are. The server must see those and no others, byte for byte as they go on; nothing of what was
 * refused; and each answer at the client is the one of its request.
 * Oracle for answers: a good one arrives as it is, a bad one is a 502 or visibly broken off, and in both cases the next
 * request gets its own answer.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delay, systemClock } from '../../../src/kernel/clock.ts';
import { readAnswer, readRequests } from '../../../test/support/codec/reading.ts';
import {
  answerRole,
  type Message,
  readMessage,
  statusOf,
  valuesOf,
} from '../../../test/support/http-message.ts';
import { type DaemonInput, DaemonProcess } from '../../system/daemon.ts';
import type { Corpus } from '../corpus.ts';
import { type FuzzInput, type Part, piecesOf } from '../input.ts';
import { LaneClient, LaneServer, type Seen } from '../lane.ts';
import { combine, makeCuts, mutate } from '../mutate.ts';
import { makeAnswer } from './answers.ts';

const LANES = 12;
/** Far above what a daemon of this size has after a warm-up; a leak of some bytes an input gets there soon. */
const MAX_RSS_BYTES = 700 * 1024 * 1024;
const MAX_INTERIM = 32;
const DESCRIPTORS_OVER_START = 3 * LANES + 16;
const SETTLES_WITHIN_MS = 5000;

interface Lane {
  readonly server: LaneServer;
  readonly port: number;
}

function configFor(servers: readonly LaneServer[]): DaemonInput {
  const lanes = servers.map((server, i) => ({ name: `lane-${i}`, server }));
  return {
    threads: 1,
    listeners: Object.fromEntries(
      lanes.map(({ name }) => [name, { address: '127.0.0.1', port: 0, limits: { max_body_size: '1MiB' } }]),
    ),
    routes: [
      { name: 'admin', match: { path: '/admin/*' }, respond: { status: 403, body: 'no' } },
      ...lanes.map(({ name }) => ({ name, listeners: name, pool: name })),
    ],
    pools: Object.fromEntries(
      lanes.map(({ name, server }) => [
        name,
        { servers: [`127.0.0.1:${server.port}`], health: false as const },
      ]),
    ),
  };
}

export async function wirePart(corpus: Corpus): Promise<Part> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const servers: LaneServer[] = [];
  for (let i = 0; i < LANES; i++) servers.push(stack.use(await LaneServer.open()));
  const daemon = stack.use(await DaemonProcess.start(folder, configFor(servers)));
  const lanes = servers.map((server, i) => ({ server, port: daemon.port(`lane-${i}`) }));
  const free = [...lanes];
  const startDescriptors = daemon.descriptors();
  const owned = stack.move();
  return {
    name: 'wire',
    width: LANES,
    make(random) {
      if (random.below(3) === 0) return makeAnswer(corpus.answers, random);
      const text = mutate(combine(corpus.requests, random), random);
      return { text, cuts: makeCuts(text.length, random) };
    },
    async check(input) {
      const lane = free.pop();
      if (lane === undefined) throw new RangeError('more inputs at a time than lanes');
      lane.server.clear();
      try {
        return input.method === undefined ? await checkRequests(lane, input) : await checkAnswer(lane, input);
      } finally {
        free.push(lane);
      }
    },
    async settled() {
      for (const { server } of lanes) await server.hangUp();
      return lookAtDaemon(daemon, lanes, startDescriptors + DESCRIPTORS_OVER_START);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What must hold of the process while nothing is asked of it. */
async function lookAtDaemon(
  daemon: DaemonProcess,
  lanes: readonly Lane[],
  mostDescriptors: number,
): Promise<string> {
  if (!daemon.isRunning) return `ended: ${daemon.lastWords()}`;
  const [fault] = daemon.newFaults();
  if (fault !== undefined) return `log: ${fault}`;
  const bad = daemon.newAccessLines().find((line) => line.includes('"reason":"internal"'));
  if (bad !== undefined) return `log: ${bad}`;
  for (const lane of lanes.slice(0, 2)) {
    lane.server.clear();
    const complaint = await askPlainly(lane, '/probe');
    if (complaint !== '') return `probe: ${complaint}`;
  }
  const endMs = systemClock.nowMs() + SETTLES_WITHIN_MS;
  for (;;) {
    const [inFlight, descriptors] = [await daemon.inFlight(), daemon.descriptors()];
    if (inFlight === 0 && descriptors <= mostDescriptors) break;
    if (systemClock.nowMs() > endMs)
      return `left: ${inFlight} requests in flight, ${descriptors} descriptors`;
    await delay(systemClock, 20);
  }
  const rss = daemon.rssBytes();
  return rss > MAX_RSS_BYTES ? `memory: ${Math.round(rss / 2 ** 20)} MiB` : '';
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

/** The final answers in what a client got; `garbage` is what is none. */
function readAll(raw: string, methods: readonly string[]): { messages: Message[]; garbage: string } {
  const messages: Message[] = [];
  for (let rest = raw; rest !== ''; ) {
    const reading = readMessage(rest, answerRole(rest, methods[messages.length] ?? ''));
    if (reading.kind === 'partial')
      return { messages, garbage: 'HTTP/1.1'.startsWith(rest.slice(0, 8)) ? '' : rest };
    const status = reading.kind === 'complete' ? statusOf(reading.message.start) : 0;
    if (reading.kind === 'bad' || status === 0) return { messages, garbage: rest };
    rest = reading.rest;
    if (status >= 200) messages.push(reading.message);
  }
  return { messages, garbage: '' };
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

function echo({ message }: Seen): { pieces: Buffer[]; hasFin: boolean } {
  const target = message.start.split(' ')[1] ?? '';
  return {
    pieces: [Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`)],
    hasFin: false,
  };
}

/** A plain request must get the answer that is meant for it. @returns '' or what came instead */
async function askPlainly({ server, port }: Lane, target: string): Promise<string> {
  server.reply = echo;
  const client = new LaneClient(port);
  await client.send([Buffer.from(`GET ${target} HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n`)]);
  const came = await client.until(() => false);
  await client.hangUp();
  const { messages } = readAll(client.raw, ['GET']);
  const [answer] = messages;
  const isRight = came && messages.length === 1 && answer?.body === target && statusOf(answer.start) === 200;
  return isRight ? '' : `a plain request got ${JSON.stringify(client.raw.slice(0, 500))}`;
}
