/** The PROXY protocol with whoever made it: HAProxy in front of us, and HAProxy as a server behind us. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { claimPort } from '../../src/assembly/ports.ts';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { commandOf, component } from '../support/needs.ts';
import { fieldOf, get, ok, Peer, RawServer } from '../support/peer.ts';

const WITHIN_MS = 10_000;

/** HAProxy with these sections; ends with its test. */
class Haproxy implements AsyncDisposable {
  readonly #child: ReturnType<typeof spawn>;
  #said = '';

  private constructor(command: string, file: string) {
    this.#child = spawn(command, ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#said += chunk.toString();
      });
  }

  /** @param ports that it is to listen on */
  static async start(folder: string, sections: string, ports: readonly number[]): Promise<Haproxy> {
    const file = join(folder, 'haproxy.cfg');
    const times = 'timeout connect 5s\n  timeout client 30s\n  timeout server 30s';
    writeFileSync(file, `global\n  maxconn 100\ndefaults\n  ${times}\n${sections}\n`);
    const haproxy = new Haproxy(commandOf('haproxy') as string, file);
    const endMs = systemClock.nowMs() + WITHIN_MS;
    for (const port of ports)
      while (!(await answers(port))) {
        if (systemClock.nowMs() > endMs)
          throw new Error(`HAProxy does not listen on ${port}: ${haproxy.#said}`);
        await delay(systemClock, 20);
      }
    return haproxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

t.test('HAProxy in front: v1, v2, v2 with a checksum', { skip: component('haproxy') }, async (t) => {
  await using server = await RawServer.open();
  server.answerAll((request) =>
    ok(['x-forwarded-for', 'x-forwarded-port'].map((it) => fieldOf(request, it)).join(' ')),
  );
  await using daemon = await DaemonFixture.start({
    listeners: {
      http: { address: '127.0.0.1', port: 0, proxy_protocol: 'required', trusted_proxies: ['127.0.0.1'] },
    },
    routes: [{ pool: 'web' }],
    pools: { web: { servers: [server.address], health: false } },
  });
  const ways = ['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,authority,unique-id'];
  const ports: number[] = [];
  for (const _ of ways) ports.push(await claimPort('test', '127.0.0.1', 0));
  const sections = ways.map(
    (way, i) =>
      `listen l${i}\n  mode tcp\n  bind 127.0.0.1:${ports[i]}\n  server s 127.0.0.1:${daemon.port()} ${way}`,
  );
  await using _ = await Haproxy.start(t.testdir({}), sections.join('\n'), ports);
  for (const [i, way] of ways.entries()) {
    await using client = await Peer.connect(ports[i] as number, { localAddress: '127.0.0.9' });
    t.equal((await client.ask(get())).body, `127.0.0.9 ${ports[i]}`, way);
  }
});

t.test('HAProxy behind: it sees our clients', { skip: component('haproxy') }, async (t) => {
  const port = await claimPort('test', '127.0.0.1', 0);
  const answer =
    'http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] > %[dst]:%[dst_port]"';
  const section = `frontend f\n  mode http\n  bind 127.0.0.1:${port} accept-proxy\n  ${answer}`;
  await using _ = await Haproxy.start(t.testdir({}), section, [port]);
  for (const version of ['v1', 'v2'] as const) {
    await using daemon = await DaemonFixture.start({
      listeners: { http: { address: '127.0.0.1', port: 0 } },
      routes: [{ pool: 'web' }],
      pools: {
        web: {
          servers: [`127.0.0.1:${port}`],
          health: { path: '/', interval: '100ms' },
          upstream: { proxy_protocol: version },
        },
      },
    });
    await daemon.until('healthy', () => daemon.daemon.registry.servers('web')[0]?.state === 'healthy');
    for (const localAddress of ['127.0.0.7', '127.0.0.8']) {
      await using client = await Peer.connect(daemon.port(), { localAddress });
      const expected = `${localAddress}:${client.socket.localPort} > 127.0.0.1:${daemon.port()}`;
      t.equal((await client.ask(get())).body, expected, version);
      t.equal((await client.ask(get())).body, expected, 'and again on the same connection');
    }
  }
});
