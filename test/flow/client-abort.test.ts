/** A client that goes away frees its server at once, wherever the exchange stands, and is counted as what it is. */
import t from 'tap';
import { get, type Peer } from '../support/peer.ts';
import type { Proxied } from '../support/proxied.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

const POST = 'POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 100\r\n\r\n';
type Leave = (client: Peer) => void;
const ways: Record<string, Leave> = {
  FIN: (client) => client.destroy(),
  RST: (client) => client.reset(),
};

const aborts = (proxied: Proxied): number => {
  const { daemon } = proxied.daemon;
  const { slot } = daemon.registry.server('web', proxied.server.address).slot;
  return daemon.slots.counters.totals(slot).clientAborts;
};

for (const [way, leave] of Object.entries(ways)) {
  test(`${way} within the head: no server hears of it (B3)`, async (t, wire) => {
    await using proxied = await wire.start();
    const client = await proxied.client();
    client.write('GET / HTTP/1.1\r\nHost: t.exa');
    await proxied.daemon.until('the connection is there', () => proxied.daemon.inFlight() === 1);
    leave(client);
    await proxied.daemon.idle();
    t.equal(proxied.server.connections, 0);
  });

  test(`${way} while it waits for the answer (B3)`, async (t, wire) => {
    await using proxied = await wire.start();
    const client = await proxied.client();
    client.write(get('/'));
    const server = await proxied.server.accept();
    await server.request();
    leave(client);
    t.ok(await server.ended());
    await proxied.daemon.idle();
    t.equal(aborts(proxied), 1);
  });

  test(`${way} within its body (B3)`, async (t, wire) => {
    await using proxied = await wire.start();
    const client = await proxied.client();
    client.write(`${POST}some`);
    const server = await proxied.server.accept();
    await server.sees('some');
    leave(client);
    t.ok(await server.ended(), 'the half request ends with its connection');
    await proxied.daemon.idle();
    t.equal(aborts(proxied), 1);
  });

  // Around what is kept for another try (64 KiB), and beyond what a socket hands over at once.
  for (const size of [60_000, 70_000, 120_000, 300_000]) {
    test(`${way} after a body of ${size} bytes, while it waits for the answer`, async (t, wire) => {
      await using proxied = await wire.start();
      const client = await proxied.client();
      client.write(
        `POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`,
      );
      const server = await proxied.server.accept();
      t.equal((await server.request()).body.length, size);
      leave(client);
      t.ok(await server.ended());
      await proxied.daemon.idle();
      t.equal(aborts(proxied), 1);
    });
  }

  test(`${way} within the answer (B3)`, async (t, wire) => {
    await using proxied = await wire.start();
    const client = await proxied.client();
    client.write(get('/'));
    const server = await proxied.server.accept();
    await server.request();
    server.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst');
    await client.sees('first');
    leave(client);
    t.ok(await server.ended());
    await proxied.daemon.idle();
    t.equal(aborts(proxied), 1);
  });
}
