/** Bodies of answers in every framing, to clients of both versions: re-framed where the client needs it, whole in every case. */
import t from 'tap';
import { fieldOf } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';
import { listenersOf, overWires } from '../support/wires.ts';

const test = overWires(t);

const SIZES = [1, 100, 4095, 4096, 70_000, 300_000];

const body = (size: number): string => {
  let text = '';
  for (let i = 0; text.length < size; i++) text += `${i},`;
  return text.slice(0, size);
};

const framings: Record<string, (text: string) => { answer: string; closes: boolean }> = {
  length: (text) => ({
    answer: `HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
    closes: false,
  }),
  chunked: (text) => {
    const cut = Math.ceil(text.length / 3);
    const chunks = [text.slice(0, cut), text.slice(cut, 2 * cut), text.slice(2 * cut)].filter(
      (it) => it !== '',
    );
    const framed = chunks.map((it) => `${it.length.toString(16).toUpperCase()};x=y\r\n${it}\r\n`).join('');
    return {
      answer: `HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n${framed}000\r\n\r\n`,
      closes: false,
    };
  },
  close: (text) => ({ answer: `HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n${text}`, closes: true }),
  'close of 1.0': (text) => ({ answer: `HTTP/1.0 200 OK\r\nX-A: b\r\n\r\n${text}`, closes: true }),
};

const listeners = listenersOf();
const proxied = await Proxied.start({
  file: {
    certificates: { local: { self_signed: ['localhost'] } },
    listeners: Object.fromEntries(listeners.map(({ name, input }) => [name, input])),
  },
});
t.teardown(() => proxied[Symbol.asyncDispose]());

for (const version of ['1.1', '1.0'] as const) {
  for (const [name, frame] of Object.entries(framings)) {
    for (const { name: listener, isTls } of listeners) {
      t.test(`${name} to HTTP/${version}, ${listener}`, async (t) => {
        for (const size of SIZES) {
          const client = await proxied.client({ listener, tls: isTls });
          client.write(`GET / HTTP/${version}\r\nHost: t.example\r\nConnection: keep-alive\r\n\r\n`);
          const server = await proxied.server.accept();
          await server.request();
          const { answer, closes } = frame(body(size));
          server.write(answer);
          // The next size gets a connection of its own.
          server.end();
          const got = await client.answer();
          t.equal(got.body.length, size);
          t.ok(got.body === body(size), 'byte for byte');
          t.equal(fieldOf(got, 'x-a'), 'b');
          const isLength = name === 'length';
          t.equal(fieldOf(got, 'content-length'), isLength ? `${size}` : undefined);
          const isChunked = !isLength && version === '1.1';
          t.equal(fieldOf(got, 'transfer-encoding'), isChunked ? 'chunked' : undefined);
          const endsByClose = !isLength && version === '1.0';
          t.equal(got.isFramed, !endsByClose);
          t.equal(
            fieldOf(got, 'connection'),
            endsByClose ? 'close' : version === '1.0' ? 'keep-alive' : undefined,
          );
          if (closes) t.ok(await server.ended());
        }
      });
    }
  }
}

test('request bodies keep their framing', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  for (const size of SIZES) {
    const text = body(size);
    client.write(`POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 000${size}\r\n\r\n${text}`);
    const first = await proxied.server.accept();
    const withLength = await first.request();
    t.equal(fieldOf(withLength, 'content-length'), `${size}`, 'canonical');
    t.ok(withLength.body === text);
    first.write('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
    await client.answer();
    client.write(
      `POST / HTTP/1.1\r\nHost: t.example\r\nTransfer-Encoding: Chunked\r\n\r\n${size.toString(16)};a="b"\r\n${text}\r\n0\r\n\r\n`,
    );
    const second = await proxied.server.accept();
    const chunked = await second.request();
    t.equal(fieldOf(chunked, 'transfer-encoding'), 'chunked');
    t.equal(fieldOf(chunked, 'content-length'), undefined);
    t.ok(chunked.body === text);
    second.write('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
    await client.answer();
  }
});
