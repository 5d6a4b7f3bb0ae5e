/** Answers of servers over HTTP/2 that are longer or shorter than their content-length. */
import t from 'tap';
import { FrameServed } from '../support/frame-served.ts';
import { H2Client } from '../support/h2-client.ts';
import { CODE, type Field, TYPE } from '../support/h2-frames.ts';
import { get } from '../support/peer.ts';

const head = (length: number): Field[] => [
  [':status', '200'],
  ['content-length', String(length)],
];

/** What the server announces of the five bytes that it sends. */
const LENGTHS = { longer: 3, 'longer than nothing': 0, shorter: 10 };

for (const engine of ['raw', 'node'] as const)
  t.test(
    `${engine}: of an answer of which nothing was sent nothing is sent: 502 with the reason`,
    async (t) => {
      for (const [what, length] of Object.entries(LENGTHS)) {
        await using setting = await FrameServed.start({ retry: 1 }, 1, { listener: { engine } });
        const [client, other] = [await setting.client(), await setting.client()];
        client.write(get('/'));
        const link = await setting.server.link();
        const stream = await link.request();
        other.write(get('/other'));
        const second = await link.request(1);
        link.head(second, [[':status', '200']]);
        await other.sees('200 OK');
        link.socket.cork();
        link.head(stream, head(length));
        // In one piece: the answer has not left when it is found to be wrong.
        if (length === 10) link.data(stream, '', true);
        else link.data(stream, 'hello', true);
        link.socket.uncork();
        const answer = await client.answer();
        t.equal(answer.status, 502, what);
        t.match(JSON.parse(answer.body), { code: 'bad_upstream', detail: /not as long/ }, what);
        link.data(second, 'whole', true);
        t.equal((await other.answer()).body, 'whole', 'another answer of the same connection goes on');
        client.write(get('/again'));
        link.answer(await link.request(2), 'again');
        t.equal(
          (await client.answer()).body,
          'again',
          'the client keeps its connection, and so does the server',
        );
      }
    },
  );

t.test('an answer that has begun is cut: the end of the connection for HTTP/1.1', async (t) => {
  for (const [what, length] of Object.entries({ longer: 7, shorter: 20 })) {
    await using setting = await FrameServed.start({ retry: 1 });
    const client = await setting.client();
    client.write(get('/'));
    const link = await setting.server.link();
    const stream = await link.request();
    link.head(stream, head(length));
    link.data(stream, 'hello');
    await client.sees('hello');
    link.data(stream, 'hello', true);
    const text = await client.rest();
    t.match(text, /^HTTP\/1\.1 200 OK\r\n/, what);
    t.ok(text.split('\r\n\r\n')[1]?.length !== length, 'never a whole answer');
  }
});

t.test('an answer that has begun is cut: RST_STREAM for HTTP/2, and other streams go on', async (t) => {
  for (const [what, length] of Object.entries({ longer: 7, shorter: 20 })) {
    await using setting = await FrameServed.start({ retry: 1 }, 1, { listener: { h2c: true } });
    await using client = await H2Client.open(setting.daemon.port());
    const wrong = client.begin({ ':path': '/wrong' });
    const seen = new Promise<void>((resolve) => wrong.once('data', () => resolve()));
    const link = await setting.server.link();
    const stream = await link.request();
    const right = client.ask({ ':path': '/right' });
    const second = await link.request(1);
    link.head(stream, head(length));
    link.data(stream, 'hello');
    await seen;
    const ended = new Promise<void>((resolve) => wrong.once('close', () => resolve()));
    link.data(stream, 'hello', true);
    await ended;
    t.equal(wrong.rstCode, CODE.internal, what);
    link.answer(second, 'right');
    t.equal((await right).body.toString(), 'right');
    t.notOk(link.find(TYPE.goaway, 0), 'the server keeps its connection');
  }
});

t.test('HTTP/2 on both sides, nothing sent: 502', async (t) => {
  await using setting = await FrameServed.start({ retry: 1 }, 1, { listener: { h2c: true } });
  await using client = await H2Client.open(setting.daemon.port());
  for (const [at, length] of Object.values(LENGTHS).entries()) {
    const asked = client.ask({ ':path': '/' });
    const link = await setting.server.link();
    const stream = await link.request(at);
    link.socket.cork();
    link.head(stream, head(length));
    link.data(stream, length === 10 ? '' : 'hello', true);
    link.socket.uncork();
    const answer = await asked;
    t.equal(answer.status, 502);
    t.match(JSON.parse(answer.body.toString()), { code: 'bad_upstream' });
  }
});

t.test('a rule broken by the connection, not by a stream, ends it at once', async (t) => {
  await using setting = await FrameServed.start({ retry: 1 });
  const clients = [await setting.client(), await setting.client()];
  for (const client of clients) client.write(get('/'));
  const link = await setting.server.link();
  await link.request(1);
  link.data(0, 'of no stream');
  for (const client of clients) {
    const answer = await client.answer();
    t.equal(answer.status, 502);
    t.match(JSON.parse(answer.body), { code: 'bad_upstream', detail: /broke HTTP\/2/ });
  }
  await link.until('its end', () => link.isClosed);
  t.notOk(link.find(TYPE.ping, 0), 'nothing is asked of it');
});
