/** A data thread that dies takes only its own requests with it: it is replaced, its counts go to zero, the next request is served. */
import t from 'tap';
import { fieldOf, get, ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

/** A thread that dies within 2 s of its start is replaced a second later. */
const REPLACED_WITHIN_MS = 10_000;

t.test('killed with requests in flight', async (t) => {
  await using proxied = await Proxied.start();
  const { daemon } = proxied.daemon;
  const port = proxied.daemon.port();
  const client = await proxied.client();
  client.write(get('/lost'));
  const server = await proxied.server.accept();
  await server.request();
  t.equal(proxied.daemon.inFlightOf('web', proxied.server.address), 1);

  const gone = daemon.events.once('thread_exit');
  const heir = daemon.events.once('thread_start', () => true, REPLACED_WITHIN_MS);
  await daemon.killThread(0);
  t.match(await gone, { thread: 0, expected: false });
  t.equal(proxied.daemon.inFlight(), 0, 'what it held is struck out');
  t.ok(await client.ended());
  t.ok(await server.ended());
  t.match(await heir, { thread: 0 });

  // The heir listens as soon as it has the snapshot.
  const next = await reconnect(proxied);
  next.write(get('/next'));
  const fresh = await proxied.server.accept();
  t.equal((await fresh.request()).start, 'GET /next HTTP/1.1');
  fresh.write(ok('served'));
  t.equal((await next.answer()).body, 'served');
  t.equal(daemon.threadCount, 1);
  t.equal(proxied.daemon.port(), port, 'on the same port');
});

async function reconnect(proxied: Proxied): ReturnType<Proxied['client']> {
  for (let tries = 0; ; tries++) {
    try {
      return await proxied.client();
    } catch (error) {
      if (tries > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

t.test('the other threads go on (B64)', async (t) => {
  await using proxied = await Proxied.start({ file: { threads: 2 } });
  proxied.server.answerAll(() => ok());
  const { daemon } = proxied.daemon;
  const clients = await Promise.all(Array.from({ length: 16 }, () => proxied.client()));
  for (const client of clients) t.equal((await client.ask(get('/'))).status, 200);
  const { slot } = daemon.registry.server('web', proxied.server.address).slot;
  const served = [0, 1].map((thread) => daemon.slots.counters.of(slot, thread, 0));
  const gone = daemon.events.once('thread_exit');
  await daemon.killThread(0);
  await gone;
  const alive = clients.filter((client) => !client.isClosed);
  const answers = await Promise.allSettled(
    clients.map(async (client) => {
      client.write(get('/after'));
      return Promise.race([client.answer(), client.ended()]);
    }),
  );
  const ok200 = answers.filter((it) => it.status === 'fulfilled' && it.value !== true).length;
  t.ok(ok200 <= alive.length);
  t.comment(`thread 0 and 1 had picked ${served}; ${ok200} of 16 clients went on`);
  const next = await proxied.client();
  t.equal((await next.ask(get('/'))).status, 200, 'new connections are served at once');
  t.equal(fieldOf(await next.ask(get('/')), 'content-length'), '2');
});
