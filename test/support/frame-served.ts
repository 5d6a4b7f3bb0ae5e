import { DaemonFixture } from './daemon-fixture.ts';
import { FrameServer } from './h2-frame-server.ts';
import { Peer } from './peer.ts';
import { type Changes, onePool } from './proxied.ts';

/** A daemon whose servers speak HTTP/2 as the test says, frame by frame. */
export class FrameServed implements AsyncDisposable {
  readonly servers: readonly FrameServer[];
  readonly daemon: DaemonFixture;
  readonly #clients: Peer[] = [];

  private constructor(servers: readonly FrameServer[], daemon: DaemonFixture) {
    this.servers = servers;
    this.daemon = daemon;
  }

  /** @param changes of the pool. @param further of the file */
  static async start(
    changes: Changes['pool'] = {},
    serverCount = 1,
    further: Omit<Changes, 'pool'> = {},
  ): Promise<FrameServed> {
    const servers = await Promise.all(Array.from({ length: serverCount }, () => FrameServer.open()));
    const { upstream, ...pool } = changes;
    const file = onePool([], {
      ...further,
      pool: {
        algorithm: 'first',
        servers: servers.map((it) => it.address),
        ...pool,
        upstream: { protocol: 'h2c', ...upstream },
      },
    });
    return new FrameServed(servers, await DaemonFixture.start(file));
  }

  get server(): FrameServer {
    return this.servers[0] as FrameServer;
  }

  async client(): Promise<Peer> {
    const client = await Peer.connect(this.daemon.port());
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
    for (const server of this.servers) await server[Symbol.asyncDispose]();
    await this.daemon[Symbol.asyncDispose]();
  }
}
