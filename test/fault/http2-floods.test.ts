/**
 * Floods over HTTP/2, each on one connection for as long as it is let (at most FLOOD_MS): the connection is ended with
 * GOAWAY, another client is served meanwhile, and nothing is left behind. Attack classes 26 to 31: rapid reset,
 * MadeYouReset, CONTINUATION, the floods of 2019, HPACK and cookie bombs, frames that are none.
 */
import t from 'tap';
import {
  block,
  CODE,
  codeOf,
  END_HEADERS,
  END_STREAM,
  FrameClient,
  frame,
  indexed,
  PREFACE,
  REQUEST,
  request,
  TYPE,
} from '../support/h2-frames.ts';
import { ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const FLOOD_MS = 10_000;
const MIB = 1024 * 1024;
const MAX_GROWTH_BYTES = 100 * MIB;

const proxied = await Proxied.start({ listener: { h2c: true } });
t.teardown(() => proxied[Symbol.asyncDispose]());
let asked = 0;
proxied.server.answerAll(() => {
  asked++;
  return ok('here');
});

const GET = block(REQUEST);
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const get = (stream: number, flags = END_STREAM | END_HEADERS): Buffer =>
  frame(TYPE.headers, flags, stream, GET);
const many = (count: number, make: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));

interface Flood {
  /** What is sent first, once. */
  readonly first?: Buffer;
  /** The next piece of the flood. */
  next(round: number): Buffer;
  /** The code of the GOAWAY: ours says ENHANCE_YOUR_CALM; what nghttp2 or Node end has theirs. */
  readonly codes: readonly number[];
  /** Requests that may reach a server. */
  readonly maxAsked: number;
}

const OPEN = get(1, END_HEADERS);
const calm = [CODE.calm];
/** Streams of a round: each has its own number. */
const PER_ROUND = 50;
const streamOf = (round: number, i: number): number => 3 + 2 * (round * PER_ROUND + i);
const perStream = (make: (stream: number) => Buffer): ((round: number) => Buffer) => {
  return (round) => many(PER_ROUND, (i) => make(streamOf(round, i)));
};

const floods: Readonly<Record<string, Flood>> = {
  'rapid reset (CVE-2023-44487)': {
    next: perStream((id) => Buffer.concat([get(id), frame(TYPE.reset, 0, id, uint32(CODE.cancel))])),
    // So many in one read that nghttp2's own count comes first.
    codes: [CODE.calm, CODE.internal],
    maxAsked: 0,
  },
  'rapid reset, each in a packet of its own': {
    next: (round) => {
      const id = 3 + 2 * Math.floor(round / 2);
      return round % 2 === 0 ? get(id, END_HEADERS) : frame(TYPE.reset, 0, id, uint32(CODE.cancel));
    },
    codes: calm,
    maxAsked: 0,
  },
  'MadeYouReset (CVE-2025-8671): window update of 0': {
    next: perStream((id) => Buffer.concat([get(id), frame(TYPE.windowUpdate, 0, id, uint32(0))])),
    codes: [CODE.calm, CODE.internal, CODE.protocol],
    maxAsked: PER_ROUND,
  },
  'MadeYouReset: a window too large': {
    next: perStream((id) =>
      Buffer.concat([get(id, END_HEADERS), frame(TYPE.windowUpdate, 0, id, uint32(0x7fffffff))]),
    ),
    codes: [CODE.calm, CODE.internal, CODE.flowControl],
    maxAsked: 0,
  },
  'MadeYouReset: a body beyond its length': {
    next: perStream((id) =>
      Buffer.concat([
        frame(
          TYPE.headers,
          END_HEADERS,
          id,
          block(request({ ':method': 'POST' }, [['content-length', '1']])),
        ),
        frame(TYPE.data, END_STREAM, id, 'xx'),
      ]),
    ),
    codes: [CODE.calm, CODE.internal, CODE.protocol],
    maxAsked: 0,
  },
  'requests that are refused': {
    next: perStream((id) =>
      frame(TYPE.headers, END_STREAM | END_HEADERS, id, block(request({ ':path': 'x' }))),
    ),
    codes: [CODE.calm, CODE.internal, CODE.protocol],
    maxAsked: 0,
  },
  'CONTINUATION without an end (CVE-2024-27983)': {
    first: frame(TYPE.headers, 0, 1, GET),
    next: () => many(100, () => frame(TYPE.continuation, 0, 1, block([['x', 'y'.repeat(1000)]]))),
    codes: [CODE.calm, CODE.internal, CODE.protocol],
    maxAsked: 0,
  },
  'empty CONTINUATION': {
    first: frame(TYPE.headers, 0, 1, GET),
    next: () => many(1000, () => frame(TYPE.continuation, 0, 1)),
    codes: [CODE.calm, CODE.internal, CODE.protocol],
    maxAsked: 0,
  },
  'ping (CVE-2019-9512)': {
    next: () => many(2000, (i) => frame(TYPE.ping, 0, 0, Buffer.alloc(8, i))),
    codes: [CODE.calm, CODE.internal],
    maxAsked: 0,
  },
  'settings (CVE-2019-9515)': {
    next: () => many(2000, () => frame(TYPE.settings, 0, 0, Buffer.from('000400010000', 'hex'))),
    codes: [CODE.calm, CODE.internal],
    maxAsked: 0,
  },
  'acknowledgements of nothing': {
    next: () => many(2000, () => frame(TYPE.settings, 1, 0)),
    codes: [CODE.calm, CODE.internal, CODE.protocol],
    maxAsked: 0,
  },
  'empty DATA (CVE-2019-9518)': {
    first: OPEN,
    next: () => many(2000, () => frame(TYPE.data, 0, 1)),
    codes: [CODE.calm, CODE.internal],
    maxAsked: 1,
  },
  'padded DATA': {
    first: OPEN,
    next: () => many(100, () => frame(TYPE.data, 8, 1, Buffer.concat([Buffer.of(255), Buffer.alloc(255)]))),
    codes: [CODE.calm, CODE.internal],
    maxAsked: 1,
  },
  'priority (CVE-2019-9513)': {
    next: (round) =>
      many(2000, (i) =>
        frame(TYPE.priority, 0, 1 + 2 * ((round * 2000 + i) % 1000), Buffer.from('0000000010', 'hex')),
      ),
    codes: calm,
    maxAsked: 0,
  },
  'window updates': {
    next: () => many(2000, () => frame(TYPE.windowUpdate, 0, 0, uint32(1))),
    codes: [CODE.calm, CODE.flowControl],
    maxAsked: 0,
  },
  'unknown frames': {
    next: () => many(500, () => frame(99, 0, 0, 'x'.repeat(100))),
    codes: calm,
    maxAsked: 0,
  },
  'fields without name and value (CVE-2019-9516)': {
    next: perStream((id) =>
      frame(
        TYPE.headers,
        END_STREAM | END_HEADERS,
        id,
        Buffer.concat([GET, many(300, () => Buffer.of(0, 0, 0))]),
      ),
    ),
    codes: [CODE.calm, CODE.internal, CODE.protocol],
    // nghttp2 drops such fields; the requests are served until there was too much of nothing in them.
    maxAsked: 10_000,
  },
  'HPACK bomb (CVE-2026-49975)': {
    first: frame(
      TYPE.headers,
      END_STREAM | END_HEADERS,
      1,
      Buffer.concat([GET, indexed(['x-bomb', 'y'.repeat(3000)]).add]),
    ),
    next: perStream((id) =>
      frame(
        TYPE.headers,
        END_STREAM | END_HEADERS,
        id,
        Buffer.concat([GET, Buffer.alloc(16_000, 0x80 | 62)]),
      ),
    ),
    codes: [CODE.calm, CODE.internal, CODE.protocol],
    maxAsked: 1,
  },
  'cookie bomb': {
    first: frame(
      TYPE.headers,
      END_STREAM | END_HEADERS,
      1,
      Buffer.concat([GET, indexed(['cookie', 'a=b']).add]),
    ),
    next: perStream((id) =>
      frame(
        TYPE.headers,
        END_STREAM | END_HEADERS,
        id,
        Buffer.concat([GET, Buffer.alloc(16_000, 0x80 | 62)]),
      ),
    ),
    codes: [CODE.calm, CODE.internal, CODE.protocol],
    maxAsked: 1,
  },
  'streams beyond the limit': {
    next: perStream((id) => get(id, END_HEADERS)),
    codes: [CODE.calm, CODE.internal, CODE.protocol],
    maxAsked: 100,
  },
};

for (const [name, flood] of Object.entries(floods)) {
  t.test(name, async (t) => {
    asked = 0;
    const before = process.memoryUsage.rss();
    let largest = before;
    await using other = await FrameClient.greet(proxied.daemon.port());
    await using client = await FrameClient.greet(proxied.daemon.port());
    if (flood.first) client.send(flood.first);
    const endMs = performance.now() + FLOOD_MS;
    let round = 0;
    let slowestMs = 0;
    let served = 0;
    while (performance.now() < endMs && (await client.push(flood.next(round++)))) {
      largest = Math.max(largest, process.memoryUsage.rss());
      if (round % 20 !== 0) continue;
      const startMs = performance.now();
      other.ask(1 + 2 * served, REQUEST);
      t.equal((await other.ending(1 + 2 * served++)).kind, 'answer');
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
    }
    t.ok(performance.now() < endMs, `ended after ${round} pieces`);
    await client.closed();
    // A client that still sends when it is cut off may lose the GOAWAY to the RST that answers it.
    const goaway = client.frames.find((it) => it.type === TYPE.goaway);
    if (goaway) t.ok(flood.codes.includes(codeOf(goaway)), `GOAWAY with code ${codeOf(goaway)}`);
    t.ok(slowestMs < 500, `another client waited ${slowestMs} ms at most`);
    t.ok(largest - before < MAX_GROWTH_BYTES, `${((largest - before) / MIB).toFixed(1)} MiB`);
    t.ok(asked - served <= flood.maxAsked, `${asked - served} requests upstream`);
    other.ask(10_001, REQUEST);
    t.equal((await other.ending(10_001)).kind, 'answer', 'another client goes on');
  });
}

t.test('frames that are none (B48, B49)', async (t) => {
  const random = (length: number, seed: number): Buffer => {
    let state = seed;
    return Buffer.from(
      Array.from({ length }, () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state >>> 24;
      }),
    );
  };
  const odd: readonly Buffer[] = [
    frame(TYPE.settings, 0, 0, Buffer.from('000500000000', 'hex')),
    frame(TYPE.settings, 0, 0, 'x'),
    frame(TYPE.settings, 0, 1),
    frame(TYPE.ping, 0, 0, 'short'),
    frame(TYPE.data, 0, 0, 'x'),
    frame(TYPE.data, END_STREAM, 7, 'x'),
    frame(TYPE.continuation, END_HEADERS, 1, GET),
    frame(TYPE.headers, END_HEADERS, 2, GET),
    frame(TYPE.headers, END_HEADERS, 1, Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff)),
    frame(TYPE.push, END_HEADERS, 1, GET),
    frame(TYPE.windowUpdate, 0, 0, uint32(0)),
    frame(TYPE.goaway, 0, 0, Buffer.alloc(8)),
    frame(TYPE.reset, 0, 99, uint32(8)),
    Buffer.concat([Buffer.of(0xff, 0xff, 0xff), Buffer.alloc(6)]),
    ...Array.from({ length: 50 }, (_, i) => random(64, i + 1)),
    ...Array.from({ length: 50 }, (_, i) => {
      const bytes = random(40, i + 1000);
      return frame(
        (bytes[0] as number) % 11,
        bytes[1] as number,
        (bytes[2] as number) % 4,
        bytes.subarray(3),
      );
    }),
  ];
  for (const bytes of odd) {
    await using client = await FrameClient.greet(proxied.daemon.port());
    client.send(bytes, get(1), frame(TYPE.goaway, 0, 0, Buffer.alloc(8)));
    client.socket.end();
    await client.closed();
  }
  for (const start of ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\n\r\n', `${PREFACE}${PREFACE}`]) {
    await using client = await FrameClient.open(proxied.daemon.port());
    client.send(Buffer.from(start, 'latin1'));
    await client.closed();
  }
  await using client = await FrameClient.greet(proxied.daemon.port());
  client.ask(1, REQUEST);
  t.equal((await client.ending(1)).kind, 'answer', 'still there');
});
