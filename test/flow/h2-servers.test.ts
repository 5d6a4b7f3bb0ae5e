/** What servers of HTTP/2 do to their connections, frame by frame: ends, refusals, silence, floods. */
import t from 'tap';
import { FrameServed } from '../support/frame-served.ts';
import { FrameServer } from '../support/h2-frame-server.ts';
import { CODE, TYPE } from '../support/h2-frames.ts';
import { get } from '../support/peer.ts';
import { onePool } from '../support/proxied.ts';

const POST = 'POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 5\r\n\r\nhello';

const codeOfProblem = (body: string): string => JSON.parse(body).code;

t.test('many requests share one connection', async (t) => {
  await using setting = await FrameServed.start();
  const clients = await Promise.all(Array.from({ length: 20 }, () => setting.client()));
  for (const [i, client] of clients.entries()) client.write(get(`/${i}`));
  const link = await setting.server.link();
  for (let i = 0; i < clients.length; i++) link.answer(await link.request(i), 'yes');
  for (const client of clients) t.equal((await client.answer()).body, 'yes');
  t.equal(setting.server.links.length, 1);
});

t.test('a further connection is opened when the first has as many streams as it may', async (t) => {
  await using setting = await FrameServed.start();
  const first = await setting.client();
  first.write(get('/'));
  const link = await setting.server.link();
  link.answer(await link.request(), 'one');
  t.equal((await first.answer()).body, 'one');
  // SETTINGS_MAX_CONCURRENT_STREAMS = 1
  link.send(Buffer.from('000006040000000000000300000001', 'hex'));
  await link.until(
    'its acknowledgement',
    () => link.frames.filter((it) => it.type === TYPE.settings).length >= 3,
  );
  const [a, b] = [await setting.client(), await setting.client()];
  a.write(get('/a'));
  const streamA = await link.request(1);
  b.write(get('/b'));
  const other = await setting.server.link(1);
  other.answer(await other.request(), 'b');
  link.answer(streamA, 'a');
  t.equal((await a.answer()).body, 'a');
  t.equal((await b.answer()).body, 'b');
});

t.test(
  'what a GOAWAY says was not looked at is sent again, whatever the method, on a new connection',
  async (t) => {
    for (const code of [CODE.none, CODE.calm]) {
      await using setting = await FrameServed.start();
      const client = await setting.client();
      client.write(POST);
      const link = await setting.server.link();
      await link.request();
      link.goaway(0, code);
      const next = await setting.server.link(1);
      next.answer(await next.request(), 'done');
      const answer = await client.answer();
      t.equal(answer.status, 200);
      t.equal(answer.body, 'done');
    }
  },
);

t.test(
  'what was under way at a GOAWAY is answered on the old connection, further requests go on a new one',
  async (t) => {
    await using setting = await FrameServed.start();
    const [early, late] = [await setting.client(), await setting.client()];
    early.write(POST);
    const link = await setting.server.link();
    const stream = await link.request();
    link.goaway(stream, CODE.none);
    link.send(Buffer.from('000008060000000000' + '0000000000000001', 'hex'));
    await link.until('the answer to a ping', () =>
      link.frames.some((it) => it.type === TYPE.ping && it.flags === 1),
    );
    late.write(get('/late'));
    const next = await setting.server.link(1);
    next.answer(await next.request(), 'late');
    t.equal((await late.answer()).body, 'late');
    link.answer(stream, 'early');
    t.equal((await early.answer()).body, 'early');
    await link.until('its end', () => link.isClosed);
  },
);

t.test('a refused stream goes to another server, whatever the method', async (t) => {
  await using other = await FrameServer.open();
  await using setting = await FrameServed.start({});
  await setting.daemon.reload(
    onePool([], {
      pool: {
        algorithm: 'first',
        servers: [setting.server.address, other.address],
        upstream: { protocol: 'h2c' },
      },
    }),
  );
  const client = await setting.client();
  client.write(POST);
  const link = await setting.server.link();
  link.reset(await link.request(), CODE.refusedStream);
  const second = await other.link();
  second.answer(await second.request(), 'taken');
  t.equal((await client.answer()).body, 'taken');
});

t.test(
  'what a server refuses because it takes fewer streams than it was sent goes to it again',
  async (t) => {
    await using setting = await FrameServed.start();
    const [a, b] = [await setting.client(), await setting.client()];
    a.write(POST);
    const link = await setting.server.link();
    const one = await link.request(0);
    b.write(POST);
    const two = await link.request(1);
    // SETTINGS_MAX_CONCURRENT_STREAMS = 1
    link.send(Buffer.from('000006040000000000000300000001', 'hex'));
    link.reset(two, CODE.refusedStream);
    const other = await setting.server.link(1);
    other.answer(await other.request(), 'again');
    t.equal((await b.answer()).body, 'again');
    link.answer(one, 'first');
    t.equal((await a.answer()).body, 'first');
  },
);

t.test('a POST that was reset is not sent twice: 502', async (t) => {
  await using setting = await FrameServed.start();
  const client = await setting.client();
  client.write(POST);
  const link = await setting.server.link();
  link.reset(await link.request(), CODE.internal);
  const answer = await client.answer();
  t.equal(answer.status, 502);
  t.equal(codeOfProblem(answer.body), 'upstream_reset');
  t.equal(setting.server.links.length, 1);
});

t.test('B4: an answer that is cut off never looks whole', async (t) => {
  for (const end of ['no error', 'cancel', 'length', 'connection'] as const) {
    await using setting = await FrameServed.start({ retry: 1 });
    const client = await setting.client();
    client.write(get('/'));
    const link = await setting.server.link();
    const stream = await link.request();
    link.head(
      stream,
      end === 'length'
        ? [
            [':status', '200'],
            ['content-length', '10'],
          ]
        : [[':status', '200']],
    );
    link.data(stream, 'part');
    await client.sees('200 OK');
    if (end === 'length') link.data(stream, '', true);
    else if (end === 'connection') link.socket.destroy();
    else link.reset(stream, end === 'cancel' ? CODE.cancel : CODE.none);
    const text = await client.rest();
    t.notMatch(text, /\r\n0\r\n/, `${end}: no last chunk`);
  }
});

t.test('what breaks HTTP/2 is a bad answer', async (t) => {
  for (const fields of [
    [
      [':status', '200'],
      ['connection', 'close'],
    ],
    [[':status', '2000']],
    [
      [':status', '200'],
      ['Upper', 'x'],
    ],
    [[':status', '101']],
  ] as const) {
    await using setting = await FrameServed.start({ retry: 1 });
    const client = await setting.client();
    client.write(get('/'));
    const link = await setting.server.link();
    link.head(await link.request(), fields, true);
    const answer = await client.answer();
    t.equal(answer.status, 502, JSON.stringify(fields));
    t.equal(codeOfProblem(answer.body), 'bad_upstream');
  }
});

t.test('a server that speaks HTTP/1.1 only', async (t) => {
  await using setting = await FrameServed.start({ retry: 1 });
  const client = await setting.client();
  client.write(get('/'));
  const link = await setting.server.link();
  link.socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
  const answer = await client.answer();
  t.equal(answer.status, 502);
  t.match(JSON.parse(answer.body).detail, /HTTP\/2/);
});

t.test('a client that leaves resets its stream at once, and no other', async (t) => {
  await using setting = await FrameServed.start();
  const [leaving, staying] = [await setting.client(), await setting.client()];
  leaving.write('POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 500\r\n\r\nhello');
  const link = await setting.server.link();
  const stream = await link.request();
  staying.write(get('/'));
  const other = await link.request(1);
  leaving.destroy();
  await link.until('the reset', () => link.find(TYPE.reset, stream) !== undefined);
  t.equal(link.find(TYPE.reset, stream)?.payload.readUInt32BE(0), CODE.cancel);
  const data = link.frames.filter((it) => it.type === TYPE.data && it.stream === stream);
  t.ok(
    data.every((it) => (it.flags & 1) === 0),
    'half a request never looks whole',
  );
  link.answer(other, 'here');
  t.equal((await staying.answer()).body, 'here');
});

t.test('no answer in time: 504, and the connection is asked whether it lives', async (t) => {
  await using setting = await FrameServed.start({ retry: 1, upstream: { first_byte_timeout: '200ms' } });
  const client = await setting.client();
  client.write(get('/'));
  const link = await setting.server.link();
  const stream = await link.request();
  const answer = await client.answer();
  t.equal(answer.status, 504);
  await link.until('the reset', () => link.find(TYPE.reset, stream) !== undefined);
  await link.until('a ping', () => link.find(TYPE.ping, 0) !== undefined);
});

t.test('a connection that does not answer a ping ends, and what waits on it goes on', async (t) => {
  await using setting = await FrameServed.start({ upstream: { first_byte_timeout: '300ms' } });
  const client = await setting.client();
  client.write(get('/a'));
  const link = await setting.server.link();
  link.answer(await link.request(), 'a');
  t.equal((await client.answer()).body, 'a');
  link.answersPings = false;
  client.write(POST);
  t.equal((await client.answer()).status, 504);
  await link.until('a ping', () => link.find(TYPE.ping, 0) !== undefined);
  await link.until('the end', () => link.isClosed);
  const fresh = await setting.client();
  fresh.write(get('/b'));
  const next = await setting.server.link(1);
  next.answer(await next.request(), 'b');
  t.equal((await fresh.answer()).body, 'b');
});

t.test('B2: a client that reads nothing makes its server stop, and holds up no other', async (t) => {
  await using setting = await FrameServed.start();
  const [slow, quick] = [await setting.client(), await setting.client()];
  slow.write(get('/'));
  const link = await setting.server.link();
  const stream = await link.request();
  slow.socket.pause();
  link.head(stream, [[':status', '200']]);
  // As much as the windows allow; the server's own accounting is the test's.
  const piece = Buffer.alloc(16_384, 'x');
  let sent = 0;
  const window = (of: number): number =>
    link.frames
      .filter((it) => it.type === TYPE.windowUpdate && it.stream === of)
      .reduce((sum, it) => sum + it.payload.readUInt32BE(0), 0);
  const initial = 256 * 1024;
  for (let quiet = 0; quiet < 20; ) {
    if (sent + piece.length <= initial + window(stream)) {
      link.data(stream, piece);
      sent += piece.length;
      quiet = 0;
    } else quiet++;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.ok(sent < 16 * 1024 * 1024, `${sent} bytes were let in`);
  quick.write(get('/quick'));
  link.answer(await link.request(1), 'quick');
  t.equal((await quick.answer()).body, 'quick');
  link.data(stream, '', true);
  slow.socket.resume();
  const answer = await slow.answer();
  t.equal(answer.body.length, sent);
});
