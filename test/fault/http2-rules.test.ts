/**
 * Frames that break a rule of HTTP/2 (B48), one case a connection, asked of plain and TLS listeners: the code that the client is
 * told, that no server is asked what must not be asked, and that a fault of one stream costs only that stream; and the rules that
 * need an answer.
 */
import t from 'tap';
import {
  ACK,
  CODE,
  codeOf,
  END_STREAM,
  FrameClient,
  frame,
  PREFACE,
  REQUEST,
  TYPE,
} from '../support/h2-frames.ts';
import { BROKEN_RULES, post, setting, u32 } from '../support/h2-rules.ts';
import { ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const proxied = await Proxied.start({
  listener: { h2c: true },
  file: {
    certificates: { local: { self_signed: ['localhost'] } },
    listeners: {
      plain: { address: '127.0.0.1', port: 0, h2c: true },
      tls: { address: '127.0.0.1', port: 0, tls: { certificates: ['local'] } },
    },
  },
});
t.teardown(() => proxied[Symbol.asyncDispose]());
let asked = 0;
proxied.server.answerAll(() => {
  asked++;
  return ok('here');
});

for (const listener of ['plain', 'tls'])
  t.test(`frames that break a rule, ${listener} (B48)`, async (t) => {
    const port = proxied.daemon.port(listener);
    for (const [section, what, outcome, ...frames] of BROKEN_RULES) {
      const name = `${section}: ${what}`;
      asked = 0;
      await using client = await FrameClient.greet(port, { tls: listener === 'tls' });
      client.send(...frames);
      if (outcome === 'served') t.match(await client.ending(1), { kind: 'answer', status: 200 }, name);
      else if (outcome !== 'ignored' && 'goaway' in outcome) {
        await client.closed();
        const end = client.frames.find((it) => it.type === TYPE.goaway);
        t.equal(end && codeOf(end), outcome.goaway, name);
      } else {
        if (outcome !== 'ignored') {
          const end = await client.ending(1);
          if (end.kind !== 'answer') t.same(end, { kind: 'reset', code: outcome.reset }, name);
          else t.equal(end.status, 400, name);
        }
        client.ask(9, REQUEST);
        t.match(await client.ending(9), { kind: 'answer', status: 200 }, `${name}: the connection goes on`);
        t.equal(asked, 1, `${name}: nothing of it reached a server`);
      }
    }
  });

t.test('beginnings that are none (B48)', async (t) => {
  const port = proxied.daemon.port('tls');
  for (const [what, bytes, code] of [
    ['another preface', Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n'), undefined],
    [
      'a preface, then no SETTINGS',
      Buffer.concat([Buffer.from(PREFACE), frame(TYPE.ping, 0, 0, 'pingpong')]),
      CODE.protocol,
    ],
  ] as const) {
    await using client = await FrameClient.open(port, true);
    client.send(bytes);
    await client.closed();
    const end = client.frames.find((it) => it.type === TYPE.goaway);
    if (code !== undefined) t.equal(end && codeOf(end), code, what);
    t.notOk(
      client.frames.some((it) => it.type === TYPE.headers),
      `${what}: no answer`,
    );
  }
});

t.test('what must be answered: SETTINGS, PING, and more streams than there may be (B48)', async (t) => {
  await using client = await FrameClient.greet(proxied.daemon.port('plain'));
  const acks = (): number =>
    client.frames.filter((it) => it.type === TYPE.settings && it.flags === ACK).length;
  client.send(frame(TYPE.settings, 0, 0, setting(3, 7)), frame(TYPE.ping, 0, 0, 'pingpong'));
  const pong = await client.until('PING', (it) => it.type === TYPE.ping && it.flags === ACK);
  t.equal(String(pong.payload), 'pingpong');
  t.equal(acks(), 2, 'for ours at the start, and for these');
  const settings = client.frames.find((it) => it.type === TYPE.settings && it.flags === 0)?.payload;
  const most = [0, 6, 12, 18, 24, 30].find(
    (at) => settings && at < settings.length && settings.readUInt16BE(at) === 3,
  );
  const limit = most === undefined ? 0 : (settings?.readUInt32BE(most + 2) ?? 0);
  t.equal(limit, 100, 'MAX_CONCURRENT_STREAMS');
  // Bodies that stay away keep them open.
  client.send(...Array.from({ length: limit }, (_, i) => post(1 + 2 * i)));
  for (let i = 0; i < limit; i++) client.send(frame(TYPE.data, END_STREAM, 1 + 2 * i, 'x'));
  for (const stream of [1, 2 * limit - 1])
    t.match(
      await client.ending(stream),
      { kind: 'answer', status: 200 },
      `as many as there may be: ${stream}`,
    );
  await using greedy = await FrameClient.greet(proxied.daemon.port('plain'));
  greedy.send(...Array.from({ length: limit + 1 }, (_, i) => post(1 + 2 * i)));
  await greedy.closed();
  const end = greedy.frames.find((it) => it.type === TYPE.goaway);
  t.equal(
    end && codeOf(end),
    CODE.protocol,
    'stricter: one too many ends the connection, not only its stream',
  );
});

t.test('a window of the client is kept, also one that becomes negative (B48)', async (t) => {
  await using client = await FrameClient.greet(proxied.daemon.port('plain'), { settings: setting(4, 3) });
  client.ask(1, REQUEST);
  const data = (): Buffer =>
    Buffer.concat(client.frames.filter((it) => it.type === TYPE.data).map((it) => it.payload));
  await client.until('DATA', (it) => it.type === TYPE.data);
  client.send(frame(TYPE.settings, 0, 0, setting(4, 1)), frame(TYPE.windowUpdate, 0, 1, u32(2)));
  client.send(frame(TYPE.ping, 0, 0, 'pingpong'));
  await client.until('PING', (it) => it.type === TYPE.ping && it.flags === ACK);
  t.equal(String(data()), 'her', 'what was taken beyond the new window has to be given first');
  client.send(frame(TYPE.windowUpdate, 0, 1, u32(1)));
  t.match(await client.ending(1), { kind: 'answer', status: 200 });
  t.equal(String(data()), 'here');
});
