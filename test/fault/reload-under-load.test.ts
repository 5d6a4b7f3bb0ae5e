/** Reloads while clients ask without pause: not one request fails, whatever the file changes. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { Asking } from '../support/load/asking.ts';

class Servers implements AsyncDisposable {
  readonly #servers: readonly Server[];
  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
  }

  /** Servers that answer a health check later than a request, so that a reload which does not wait for it is caught. */
  static async open(count: number): Promise<Servers> {
    const servers = Array.from({ length: count }, () =>
      createServer((request, answer) =>
        setTimeout(() => answer.end('ok'), request.url === '/healthz' ? 60 : 1),
      ),
    );
    for (const server of servers) {
      server.keepAliveTimeout = 60_000;
      await once(server.listen(0, '127.0.0.1'), 'listening');
    }
    return new Servers(servers);
  }

  address(index: number): string {
    const server = this.#servers[index % this.#servers.length] as Server;
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await once(server.close(), 'close');
    }
  }
}

type Pool = NonNullable<FileInput['pools']>[string];

const file = (servers: Pool['servers'], pool: Partial<Pool> = {}): FileInput => ({
  threads: 2,
  listeners: { http: { address: '127.0.0.1', port: 0 } },
  routes: [{ name: 'all', pool: 'web' }],
  pools: { web: { health: false, ...pool, servers } },
});

const CHECKED: Partial<Pool> = { health: { path: '/healthz', interval: '1s', timeout: '500ms' } };

for (const [name, pool] of [
  ['unchecked', {}],
  ['checked', CHECKED],
] as const) {
  t.test(`every server is replaced by another, ${name}`, async (t) => {
    await using servers = await Servers.open(3);
    await using fixture = await DaemonFixture.start(file([servers.address(0)], pool));
    const load = new Asking(() => ({ port: fixture.port(), isTls: false }), { clients: 30 });
    for (let turn = 1; turn <= 8; turn++) {
      const before = load.requests;
      await fixture.reload(file([servers.address(turn)], pool));
      await fixture.until('requests on the new server', () => load.requests > before + 100);
    }
    const { requests, outcomes } = await load.stop();
    t.same(outcomes, { 200: requests });
  });
}

t.test('reloads at once: the last one asked for is in force (B60)', async (t) => {
  await using servers = await Servers.open(3);
  await using fixture = await DaemonFixture.start(file([servers.address(0)]));
  const load = new Asking(() => ({ port: fixture.port(), isTls: false }), { clients: 30 });
  for (let round = 0; round < 5; round++) {
    await Promise.all([1, 2, 0].map((index) => fixture.reload(file([servers.address(index)]))));
    t.same(
      fixture.daemon.registry.servers('web').map((it) => it.address),
      [servers.address(0)],
    );
  }
  const { requests, outcomes } = await load.stop();
  t.same(outcomes, { 200: requests });
});

t.test('a reload every 200 ms, with other weights and servers each time (B56)', async (t) => {
  await using servers = await Servers.open(4);
  const variant = (turn: number): FileInput =>
    file(
      [0, 1, 2]
        .filter((index) => index !== turn % 3)
        .map((index) => ({ address: servers.address(index), weight: 1 + ((turn + index) % 5) }))
        .concat(turn % 2 === 0 ? [{ address: servers.address(3), weight: 1 }] : []),
      {
        ...CHECKED,
        algorithm: turn % 4 < 2 ? 'power_of_two' : 'round_robin',
        upstream: { keepalive: 8 + (turn % 2) },
      },
    );
  await using fixture = await DaemonFixture.start(variant(0));
  const load = new Asking(() => ({ port: fixture.port(), isTls: false }), { clients: 30 });
  for (let turn = 1; turn <= 20; turn++) {
    const reloaded = fixture.reload(variant(turn));
    await Promise.all([reloaded, delay(systemClock, 200)]);
  }
  const { requests, outcomes } = await load.stop();
  t.same(outcomes, { 200: requests });
});
