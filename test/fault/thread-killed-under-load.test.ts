/** A data thread dies while clients ask without pause: its own requests die with it, and no other. */
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { Asking } from '../support/load/asking.ts';
import { MoodyServer } from '../support/moody-server.ts';

const CLIENTS = 40;
const REPLACED_WITHIN_MS = 15_000;

t.test('one of two threads, again and again (B64)', async (t) => {
  await using server = await MoodyServer.open('server');
  await using fixture = await DaemonFixture.start({
    threads: 2,
    listeners: { http: { address: '127.0.0.1', port: 0 } },
    routes: [{ name: 'all', pool: 'web' }],
    pools: { web: { servers: [server.address], health: false } },
  });
  const { daemon } = fixture;
  const load = new Asking(() => ({ port: fixture.port(), isTls: false }), { clients: CLIENTS });
  const kills = 4;
  for (let kill = 0; kill < kills; kill++) {
    const before = load.requests;
    await fixture.until('requests', () => load.requests > before + 1000);
    const replaced = daemon.events.once('thread_start', () => true, REPLACED_WITHIN_MS);
    await daemon.killThread(kill % 2);
    await replaced;
  }
  const before = load.requests;
  await fixture.until('requests after that', () => load.requests > before + 1000);
  const { requests, outcomes } = await load.stop();
  const { 200: good = 0, ...bad } = outcomes;
  const lost = Object.values(bad).reduce((sum, count) => sum + count, 0);
  t.equal(good + lost, requests);
  // A client has one request under way; at each kill about half of them are in the thread that dies.
  t.ok(lost > 0 && lost <= kills * CLIENTS, `${lost} of ${requests} requests died with their thread`);
  t.ok(
    Object.keys(bad).every((what) => /^(?:ended|refused)/.test(what)),
    JSON.stringify(bad),
  );
  await fixture.idle();
  t.equal(fixture.inFlight(), 0, 'nothing of the dead is left in the counts');
  t.equal(daemon.threadCount, 2);
});
