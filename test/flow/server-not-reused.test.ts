/** Answers after which a connection to a server carries no other request, and their harmless likes after which it does. */
import t from 'tap';
import { get, ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

interface Case {
  readonly name: string;
  readonly answer: string;
  readonly method?: string;
  readonly isReused: boolean;
}

const cases: readonly Case[] = [
  { name: 'a plain answer', answer: ok(), isReused: true },
  { name: '204', answer: 'HTTP/1.1 204 No Content\r\n\r\n', isReused: true },
  { name: '204 with a length of 0', answer: 'HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n', isReused: true },
  {
    name: '204 with a length: its body may follow',
    answer: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    isReused: false,
  },
  {
    name: '204 with chunks',
    answer: 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n',
    isReused: false,
  },
  {
    name: '304 with the length that 200 would have',
    answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    isReused: true,
  },
  { name: 'HEAD', method: 'HEAD', answer: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', isReused: true },
  {
    name: 'HTTP/1.0 that keeps alive',
    answer: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
    isReused: true,
  },
  {
    name: 'HTTP/1.0 with chunks',
    answer:
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    isReused: false,
  },
  {
    name: 'a login of the request',
    answer: 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
    isReused: true,
  },
  ...['NTLM', 'Negotiate', 'negotiate abc'].map((scheme) => ({
    name: `a login of the connection: ${scheme}`,
    answer: `HTTP/1.1 401 Unauthorized\r\nwww-authenticate:  ${scheme}\r\nContent-Length: 0\r\n\r\n`,
    isReused: false,
  })),
];

for (const { name, answer, method = 'GET', isReused } of cases) {
  t.test(name, async (t) => {
    await using proxied = await Proxied.start();
    const client = await proxied.client();
    client.write(get('/1').replace('GET', method));
    const server = await proxied.server.accept();
    await server.request();
    server.write(answer);
    await client.answer(method);
    client.write(get('/2'));
    const next = isReused ? server : await proxied.server.accept();
    t.equal((await next.request()).start, 'GET /2 HTTP/1.1');
    next.write(ok('second'));
    t.equal((await client.answer()).body, 'second');
    if (!isReused) await server.ended();
  });
}

t.test('a status line that ends with LF only is no answer', async (t) => {
  await using proxied = await Proxied.start();
  const client = await proxied.client();
  client.write(get());
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok');
  t.equal((await client.answer()).status, 502);
  await server.ended();
});
