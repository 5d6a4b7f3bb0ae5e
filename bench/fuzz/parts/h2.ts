/**
 * HTTP/2 as frames, sound and unsound, against a daemon whose servers speak HTTP/1.1. What lies in fields and bodies are
 * requests of their own: whenever a server takes one of them for a request, or gets what is none, something was smuggled on
 * the way down.
 */
import type { Random } from '../../../src/kernel/random.ts';
import {
  block,
  END_HEADERS,
  END_STREAM,
  type Field,
  frame,
  PREFACE,
  request,
  TYPE,
} from '../../../test/support/h2-frames.ts';
import { type FuzzInput, type Part, piecesOf } from '../input.ts';
import { LaneClient } from '../lane.ts';
import { askPlainly, echo, LANES, type Lane, Lanes } from '../lanes.ts';
import { makeCuts, mutateBytes, pick } from '../mutate.ts';

/** How long an input may keep its lane when nothing ends it: some are frames that wait for more. */
const MOST_MS = 150;
const SMUGGLED = '/smuggled';
const INNER = `GET ${SMUGGLED} HTTP/1.1\r\nHost: t.example\r\n\r\n`;

const NAMES = [
  'x-a',
  'X-Upper',
  'x a',
  'x\r\ny',
  'x:y',
  '',
  'transfer-encoding',
  'connection',
  'te',
  'upgrade',
  'host',
];
const MORE_NAMES = [
  'content-length',
  'cookie',
  'proxy-connection',
  'keep-alive',
  'expect',
  ':status',
  ':extra',
  'via',
  'x_y',
];
const VALUES = [
  '',
  '0',
  '5',
  '-1',
  'a',
  'chunked',
  'close',
  'trailers',
  `a\r\n\r\n${INNER}`,
  'a\nb',
  'a\0b',
  ' a ',
  'h2c',
  '5, 5',
];
const PSEUDO: Readonly<Record<string, readonly string[]>> = {
  ':method': [
    'GET',
    'POST',
    'HEAD',
    'CONNECT',
    'get',
    '',
    'GET /x HTTP/1.1',
    `GET ${SMUGGLED} HTTP/1.1\r\nX: `,
  ],
  ':path': [
    '/',
    '*',
    '',
    'a',
    '/a b',
    '/a\r\nb',
    `/ HTTP/1.1\r\n\r\n${INNER}`,
    '//x@y',
    '/%2e%2e/a',
    'http://a/',
    '/a#b',
  ],
  ':authority': ['t.example', '', 'a b', 'a\r\nX: y', 'a@b', 't.example:99999', '[::1', 'other.example'],
  ':scheme': ['http', 'https', '', 'ftp', `http://a ${SMUGGLED}\r\n`],
};

function fieldsFor(random: Random): Field[] {
  const changes: Record<string, string | undefined> = {};
  for (const [name, values] of Object.entries(PSEUDO)) {
    if (random.below(6) === 0) changes[name] = random.below(5) === 0 ? undefined : pick(random, values);
  }
  const more = Array.from(
    { length: random.below(4) },
    (): Field => [pick(random, random.below(2) === 0 ? NAMES : MORE_NAMES), pick(random, VALUES)],
  );
  const fields = request(changes, more);
  if (random.below(10) === 0) fields.push(pick(random, fields));
  return fields;
}

/** A frame of some kind; streams are few, so that frames meet others of their stream. */
function makeFrame(random: Random): Buffer {
  const stream = random.below(12) === 0 ? random.below(6) : 1 + 2 * random.below(4);
  const flags = random.below(8) === 0 ? random.below(256) : 0;
  const end = random.below(2) === 0 ? END_STREAM : 0;
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return frame(
        TYPE.headers,
        end | (random.below(8) === 0 ? 0 : END_HEADERS) | flags,
        stream,
        block(fieldsFor(random)),
      );
    case 5:
    case 6:
      return frame(
        TYPE.data,
        end | flags,
        stream,
        pick(random, ['', 'hello', INNER, '0\r\n\r\n', 'x'.repeat(3000)]),
      );
    case 7:
      return frame(
        TYPE.continuation,
        (random.below(2) === 0 ? END_HEADERS : 0) | flags,
        stream,
        block(fieldsFor(random)),
      );
    case 8:
      return frame(TYPE.reset, flags, stream, Buffer.of(0, 0, 0, random.below(14)));
    case 9:
      return frame(
        TYPE.windowUpdate,
        flags,
        stream,
        Buffer.of(random.below(256), 0xff, random.below(256), random.below(2)),
      );
    case 10:
      return frame(
        TYPE.settings,
        flags,
        random.below(6) === 0 ? 1 : 0,
        Buffer.of(0, random.below(9), 0, 0, random.below(256), random.below(256)),
      );
    case 11:
      return frame(TYPE.ping, flags, 0, Buffer.alloc(random.below(4) === 0 ? random.below(12) : 8));
    case 12:
      return frame(
        pick(random, [TYPE.priority, TYPE.goaway, TYPE.push, 10, 200]),
        flags,
        stream,
        Buffer.alloc(random.below(12), random.below(256)),
      );
    default:
      return frame(TYPE.headers, END_STREAM | END_HEADERS, stream, block(request()));
  }
}

function makeInput(random: Random): FuzzInput {
  const frames = Array.from({ length: 1 + random.below(8) }, () => makeFrame(random).toString('latin1'));
  const settings = frame(TYPE.settings, 0, 0).toString('latin1');
  const sound = `${PREFACE}${settings}${frames.join('')}`;
  const text = random.below(3) === 0 ? mutateBytes(sound, random) : sound;
  return { text, cuts: makeCuts(text.length, random) };
}

async function check(lane: Lane, input: FuzzInput): Promise<string> {
  const { server, port } = lane;
  server.reply = echo;
  const client = new LaneClient(port);
  await client.send(piecesOf(input));
  await client.until(() => false, MOST_MS);
  await client.hangUp();
  await server.hangUp();
  if (server.garbage !== '') return `garbage: the server got ${JSON.stringify(server.garbage.slice(0, 500))}`;
  // A field or a body may hold the text; a request line of its own it must never be.
  const smuggled = server.seen.find(({ message }) => message.start.includes(SMUGGLED));
  if (smuggled !== undefined) return `smuggled: ${JSON.stringify(smuggled.raw.slice(0, 500))}`;
  const next = await askPlainly(lane, '/next');
  return next === '' ? '' : `poisoned: ${next}`;
}

export async function h2Part(): Promise<Part> {
  const lanes = await Lanes.open({ h2c: true });
  return {
    name: 'h2',
    width: LANES,
    make: makeInput,
    check: (input) => lanes.take((lane) => check(lane, input)),
    settled: () => lanes.settled(),
    [Symbol.asyncDispose]: () => lanes[Symbol.asyncDispose](),
  };
}
