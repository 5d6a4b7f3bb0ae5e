import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from './daemon-fixture.ts';
import { Peer, RawServer } from './peer.ts';

type PoolInput = Partial<NonNullable<FileInput['pools']>[string]>;
export type ListenerInput = Partial<NonNullable<FileInput['listeners']>[string]>;

/** One listener, one route, one pool: what most tests of the wire need. Changes are laid over it. */
export interface Changes {
  readonly pool?: PoolInput;
  readonly listener?: ListenerInput;
  readonly file?: Partial<FileInput>;
}

export function onePool(servers: readonly RawServer[], changes: Changes = {}): FileInput {
  return {
    listeners: { http: { address: '127.0.0.1', port: 0, ...changes.listener } },
    routes: [{ name: 'all', pool: 'web' }],
    pools: {
      web: {
        algorithm: 'round_robin',
        servers: servers.map((it) => it.address),
        health: false,
        ...changes.pool,
      },
    },
    ...changes.file,
  };
}

/** A daemon with one server behind it, which the test plays; ends in the right order. */
export class Proxied implements AsyncDisposable {
  readonly daemon: DaemonFixture;
  readonly servers: readonly RawServer[];
  readonly #clients: Peer[] = [];

  private constructor(daemon: DaemonFixture, servers: readonly RawServer[]) {
    this.daemon = daemon;
    this.servers = servers;
  }

  /** @param serverCount servers of the pool `web` */
  static async start(changes: Changes = {}, serverCount = 1): Promise<Proxied> {
    const servers = await Promise.all(
      Array.from({ length: serverCount }, (_, i) => RawServer.open(`server ${i}`)),
    );
    return new Proxied(await DaemonFixture.start(onePool(servers, changes)), servers);
  }

  get server(): RawServer {
    return this.servers[0] as RawServer;
  }

  async client(options: { listener?: string; tls?: boolean; localAddress?: string } = {}): Promise<Peer> {
    const client = await Peer.connect(this.daemon.port(options.listener), options);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
    try {
      await this.daemon[Symbol.asyncDispose]();
    } finally {
      for (const server of this.servers) await server[Symbol.asyncDispose]();
    }
  }
}
