/** B18, B7: gRPC through Sluice, as grpc-js speaks it on both sides: all four kinds of calls, errors, deadlines, cancelling. */
import { type EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import t from 'tap';
import { systemClock } from '../../src/kernel/clock.ts';
import { makeLeaf } from '../../src/tls/forge-certificates.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { GrpcClient, GrpcServer, type Message } from '../support/grpc-echo.ts';
import { authorityFor } from '../support/tls-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-grpc-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const authority = authorityFor('localhost', '127.0.0.1');
const leaf = makeLeaf(authority, ['localhost', '127.0.0.1'], systemClock.wallMs());
const path = (name: string): string => join(folder, name);
writeFileSync(path('ca.pem'), authority.certPem);
writeFileSync(path('web.crt'), leaf.certPem);
writeFileSync(path('web.key'), leaf.keyPem);

/** How a stream ends; `once` would reject for its error. */
const statusOf = (call: EventEmitter): Promise<StatusObject> => {
  call.on('error', () => {});
  return new Promise((resolve) => call.on('status', resolve));
};

class Setting implements AsyncDisposable {
  readonly server: GrpcServer;
  readonly daemon: DaemonFixture;
  readonly client: GrpcClient;

  private constructor(server: GrpcServer, daemon: DaemonFixture, client: GrpcClient) {
    this.server = server;
    this.daemon = daemon;
    this.client = client;
  }

  static async start(clientTls: boolean, serverTls: boolean): Promise<Setting> {
    const server = await GrpcServer.start(serverTls ? leaf : null);
    const upstream = serverTls
      ? ({ protocol: 'h2', tls: { ca: path('ca.pem') } } as const)
      : ({ protocol: 'h2c' } as const);
    const daemon = await DaemonFixture.start({
      certificates: { web: { cert: path('web.crt'), key: path('web.key') } },
      listeners: {
        main: {
          address: '127.0.0.1',
          port: 0,
          limits: { max_body_size: '64MiB' },
          ...(clientTls ? { tls: { certificates: ['web'] } } : { h2c: true }),
        },
      },
      routes: [{ name: 'all', pool: 'echo' }],
      pools: { echo: { servers: [server.address], health: false, upstream } },
    });
    const client = new GrpcClient(daemon.port(), clientTls ? authority.certPem : undefined);
    return new Setting(server, daemon, client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await this.daemon[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

for (const clientTls of [false, true]) {
  for (const serverTls of [false, true]) {
    const cell = `${clientTls ? 'TLS' : 'h2c'} to ${serverTls ? 'TLS' : 'h2c'}`;
    t.test(cell, async (t) => {
      await using setting = await Setting.start(clientTls, serverTls);
      const { server, client } = setting;

      await t.test('unary, with metadata and trailers', async (t) => {
        const metadata = new Metadata();
        metadata.set('x-mine', 'yes');
        const { message, status: end } = await client.unary({ text: 'hello' }, {}, metadata);
        t.equal(message?.text, 'hello');
        t.equal(end.code, status.OK);
        t.same(end.metadata.get('x-trailer'), ['tail']);
        t.same(end.metadata.get('x-bytes-bin'), [Buffer.from([0, 1, 255])]);
        t.same(server.calls.at(-1)?.metadata.get('x-mine'), ['yes']);
        t.same(server.calls.at(-1)?.metadata.get('x-forwarded-proto'), [clientTls ? 'https' : 'http']);
      });

      await t.test('an error of the server', async (t) => {
        const { message, status: end } = await client.unary({ text: '!code 5 not here' });
        t.equal(message, undefined);
        t.equal(end.code, status.NOT_FOUND);
        t.equal(end.details, 'not here');
        t.same(end.metadata.get('x-trailer'), ['tail']);
      });

      await t.test('a stream of the client', async (t) => {
        const { call, answer } = client.collect();
        const data = Buffer.alloc(100_000, 7);
        for (let i = 0; i < 40; i++) if (!call.write({ data })) await once(call, 'drain');
        call.end();
        t.match(await answer, { text: '4000000', count: 40 });
      });

      await t.test('a stream of the server', async (t) => {
        let count = 0;
        let bytes = 0;
        for await (const message of client.expand({ count: 40, data: Buffer.alloc(100_000, 7) })) {
          count++;
          bytes += (message as Message).data?.length ?? 0;
        }
        t.equal(count, 40);
        t.equal(bytes, 4_000_000);
      });

      await t.test('both ways at a time: each message is answered before the next is sent', async (t) => {
        const call = client.chat();
        for (let i = 0; i < 5; i++) {
          call.write({ text: `${i}` });
          const [message] = (await once(call, 'data')) as [Message];
          t.equal(message.text, `echo ${i}`);
        }
        call.end();
        t.equal((await statusOf(call)).code, status.OK);
      });

      await t.test('the server ends a call whose client goes on', async (t) => {
        const call = client.chat();
        call.write({ text: '!bye' });
        const end = await statusOf(call.resume());
        t.equal(end.code, status.ABORTED);
        t.equal(end.details, 'bye');
      });

      await t.test('a deadline reaches the server, and ends the call', async (t) => {
        const seen = server.nextCall();
        const call = client.unary({ text: '!hang' }, { deadline: systemClock.wallMs() + 1000 });
        const { deadline, cancelled } = await seen;
        t.ok(Number(deadline) <= systemClock.wallMs() + 1000, 'grpc-timeout passes');
        t.equal((await call).status.code, status.DEADLINE_EXCEEDED);
        await cancelled;
      });

      await t.test('cancelling reaches the server', async (t) => {
        const seen = server.nextCall();
        const { call, done } = client.startUnary({ text: '!hang' });
        const { cancelled } = await seen;
        call.cancel();
        t.equal((await done).status.code, status.CANCELLED);
        await cancelled;
        const chatSeen = server.nextCall();
        const chat = client.chat();
        chat.on('error', () => {});
        chat.write({ text: 'a' });
        await once(chat, 'data');
        chat.cancel();
        await (await chatSeen).cancelled;
      });
    });
  }
}
