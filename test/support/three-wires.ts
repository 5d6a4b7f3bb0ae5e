/** One daemon with a listener for each wire that a client may speak (HTTP/1.1 of both engines, HTTP/2), and what its server sees. */
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from './daemon-fixture.ts';
import { H2Client } from './h2-client.ts';
import type { Message } from './http-message.ts';
import { ok, Peer, RawServer } from './peer.ts';
import { type ListenerInput, onePool } from './proxied.ts';

const LISTENERS = { raw: {}, node: { engine: 'node' }, h2: { h2c: true } } as const;
export type WireName = keyof typeof LISTENERS;
export const WIRE_NAMES = Object.keys(LISTENERS) as readonly WireName[];

export interface Sight {
  readonly status: number;
  /** What reached the server, if anything did. */
  readonly request: Message | undefined;
}

export class ThreeWires implements AsyncDisposable {
  readonly daemon: DaemonFixture;
  readonly #server: RawServer;
  #request: Message | undefined;

  private constructor(daemon: DaemonFixture, server: RawServer) {
    this.daemon = daemon;
    this.#server = server;
    server.answerAll((message) => {
      this.#request = message;
      return ok();
    });
  }

  /** The pool is `web`. @param listener what all three listeners have in common */
  static async start(
    file: Partial<FileInput> = {},
    listener: ListenerInput = { address: '127.0.0.1' },
  ): Promise<ThreeWires> {
    const server = await RawServer.open('server');
    const listeners = Object.fromEntries(
      Object.entries(LISTENERS).map(([name, own]) => [name, { port: 0, ...listener, ...own }]),
    );
    return new ThreeWires(
      await DaemonFixture.start(onePool([server], { file: { listeners, ...file } })),
      server,
    );
  }

  /** Asks once, over a connection of its own. */
  async see(
    wire: WireName,
    path: string,
    fields: readonly (readonly [name: string, value: string])[] = [],
    host = '127.0.0.1',
  ): Promise<Sight> {
    this.#request = undefined;
    const port = this.daemon.port(wire);
    if (wire === 'h2') {
      await using client = await H2Client.open(port, false, host);
      const names = new Set(fields.map(([name]) => name.toLowerCase()));
      const values = (of: string) => fields.filter(([name]) => name.toLowerCase() === of).map(([, it]) => it);
      const { status } = await client.ask({
        ':path': path,
        ':authority': 't.example',
        ...Object.fromEntries([...names].map((name) => [name, values(name)])),
      });
      return { status, request: this.#request };
    }
    await using client = await Peer.connect(port, { host });
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const { status } = await client.ask(`GET ${path} HTTP/1.1\r\nHost: t.example\r\n${lines}\r\n`);
    return { status, request: this.#request };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.daemon[Symbol.asyncDispose]();
    } finally {
      await this.#server[Symbol.asyncDispose]();
    }
  }
}
