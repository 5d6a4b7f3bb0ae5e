/** A POST cannot be sent again, so it goes out only on a connection to its server that was in use just now. */
import t from 'tap';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { get, ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const POST = 'POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 2\r\n\r\nhi';
/** More than the second after which a server may be about to close what is idle, the coarse clock's tick included. */
const IDLE_MS = 1300;

t.test('a connection that was idle for a while is left to requests that can be sent again', async (t) => {
  await using proxied = await Proxied.start();
  const { server } = proxied;
  server.answerAll(() => ok());
  const client = await proxied.client();
  await client.ask(get('/'));
  t.equal((await client.ask(POST)).status, 200);
  t.equal(server.connections, 1, 'used a moment ago: used again');
  await delay(systemClock, IDLE_MS);
  t.equal((await client.ask(get('/'))).status, 200);
  t.equal(server.connections, 1, 'a GET takes the old one');
  await delay(systemClock, IDLE_MS);
  t.equal((await client.ask(POST)).status, 200);
  t.equal(server.connections, 2, 'a POST does not');
  t.equal((await client.ask(POST)).status, 200);
  t.equal(server.connections, 2, 'the new one is kept like any other');
});
