/**
 * A listener leaves, or the daemon stops, while clients ask on kept connections: every request that was sent gets its
 * answer, and the last one of a connection says that it was the last.
 */
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { Asking } from '../support/load/asking.ts';
import { MoodyServer } from '../support/moody-server.ts';

const CLIENTS = 60;

const file = (server: MoodyServer, listeners: readonly string[], isTls: boolean): FileInput => ({
  threads: 2,
  shutdown: { drain_timeout: '5s' },
  certificates: { local: { self_signed: ['localhost'] } },
  listeners: Object.fromEntries(
    listeners.map((name) => [
      name,
      { address: '127.0.0.1', port: 0, ...(isTls ? { tls: { certificates: ['local'] } } : {}) },
    ]),
  ),
  routes: [{ name: 'all', pool: 'web' }],
  pools: { web: { servers: [server.address], health: false } },
});

/** Answers 200, and connections that were refused after the port had closed: nothing else may have happened. */
function assertSaved(t: { same: (found: unknown, wanted: unknown) => boolean }, outcomes: object): void {
  const others = Object.entries(outcomes).filter(([what]) => what !== '200');
  t.same(others, []);
}

for (const isTls of [false, true]) {
  const wire = isTls ? 'TLS' : 'plain';

  t.test(`a listener leaves, ${wire} (B59)`, async (t) => {
    await using server = await MoodyServer.open('server');
    const fixture = await DaemonFixture.start(file(server, ['stays', 'leaves'], isTls));
    const port = fixture.port('leaves');
    const load = new Asking(() => ({ port, isTls }), {
      clients: CLIENTS,
      endsWhenRefused: true,
      meanPauseMs: 20,
    });
    await fixture.until('requests', () => load.requests > CLIENTS * 5);
    await fixture.reload(file(server, ['stays'], isTls));
    const { outcomes } = await load.ended();
    assertSaved(t, outcomes);
    await fixture[Symbol.asyncDispose]();
  });

  t.test(`the daemon stops, ${wire} (B63)`, async (t) => {
    await using server = await MoodyServer.open('server');
    const fixture = await DaemonFixture.start(file(server, ['only'], isTls));
    const port = fixture.port('only');
    const load = new Asking(() => ({ port, isTls }), {
      clients: CLIENTS,
      endsWhenRefused: true,
      meanPauseMs: 20,
    });
    await fixture.until('requests', () => load.requests > CLIENTS * 5);
    await fixture.daemon.stop();
    const { outcomes } = await load.ended();
    assertSaved(t, outcomes);
    await fixture[Symbol.asyncDispose]();
  });
}
