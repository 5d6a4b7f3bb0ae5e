/**
 * Many more hungry clients than memory allows, against a daemon of its own process: those that hold most are ended, with a
 * reason in log and metric, memory stays bounded, and a modest client is served all the time.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { request } from 'undici';
import { claimPort } from '../../src/assembly/ports.ts';
import { get, Peer } from '../support/peer.ts';
import { SluiceProcess } from '../support/sluice-process.ts';
import { stallingServer } from '../support/stalling-server.ts';

const MIB = 1024 * 1024;
const LIMIT_MIB = 48;
/** What has ended and is not collected yet; that grows with the pace of coming and going, not with the number of clients. */
const COLLECTOR_MIB = 384;
/** Connections that are made at once. */
const BATCH = 50;
const skip = process.platform === 'linux' ? false : 'the memory of another process is read from /proc';

t.setTimeout(120_000);

function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}

interface Hungry {
  readonly name: string;
  readonly isTls: boolean;
  readonly clients: number;
  /** What the daemon's memory may grow by; without a limit it is several times as much. */
  readonly growthMib: number;
  /** Makes the daemon hold as much as it can be made to hold. */
  ask(socket: Socket): void;
}

const BODY = Buffer.alloc(64_000, 'x');
const kinds: readonly Hungry[] = [
  {
    name: 'bodies that are kept for another attempt',
    isTls: false,
    clients: 6000,
    growthMib: LIMIT_MIB + COLLECTOR_MIB,
    ask: (socket) => {
      socket.write(`POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: ${BODY.length + 1}\r\n\r\n`);
      socket.write(BODY);
    },
  },
  {
    name: 'answers that are not taken, over TLS',
    isTls: true,
    clients: 600,
    growthMib: LIMIT_MIB + COLLECTOR_MIB,
    ask: (socket) => {
      socket.pause();
      socket.write(get('/big'));
    },
  },
];

/** A connected client, or one that was cut already. */
async function hungry(port: number, { isTls, ask }: Hungry): Promise<Socket> {
  const where = { host: '127.0.0.1', port };
  const socket = isTls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
  socket.on('error', () => {});
  await Promise.race([once(socket, isTls ? 'secureConnect' : 'connect'), once(socket, 'close')]).catch(
    () => {},
  );
  ask(socket);
  return socket;
}

for (const kind of kinds) {
  t.test(kind.name, { skip }, async (t) => {
    await using server = await stallingServer();
    const [plain, tls] = [await claimPort('t', '127.0.0.1', 0), await claimPort('t', '127.0.0.1', 0)];
    const folder = t.testdir({
      'sluice.yaml': `threads: 2
max_memory: ${LIMIT_MIB}MiB
admin: { listen: "127.0.0.1:0" }
certificates: { local: { self_signed: [localhost] } }
listeners:
  plain: { address: 127.0.0.1, port: ${plain} }
  tls: { address: 127.0.0.1, port: ${tls}, tls: { certificates: [local] } }
routes: [{ pool: web }]
pools: { web: { servers: ["127.0.0.1:${server.port}"], health: false } }
`,
    });
    await using sluice = new SluiceProcess(['run'], { cwd: folder });
    await sluice.message('ready');
    const { url, token } = await adminOf(sluice, folder);
    await using modest = await Peer.connect(plain);
    t.equal((await modest.ask(get('/small'))).body, 'small');
    const atRestMib = residentMib(sluice.pid);

    const sockets: Socket[] = [];
    let peakMib = 0;
    while (sockets.length < kind.clients) {
      const port = kind.isTls ? tls : plain;
      sockets.push(...(await Promise.all(Array.from({ length: BATCH }, () => hungry(port, kind)))));
      t.equal(
        (await modest.ask(get('/small'))).status,
        200,
        `${sockets.length} hungry ones, and a modest one`,
      );
      peakMib = Math.max(peakMib, residentMib(sluice.pid));
    }
    await sluice.message('max_memory is used up');
    const sumOf = async (series: RegExp): Promise<number> => {
      const { body } = await request(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
      return [...(await body.text()).matchAll(series)].reduce((sum, [, value]) => sum + Number(value), 0);
    };
    t.ok((await sumOf(/^sluice_connections_shed_total\{.*\} (\d+)$/gm)) > 100, 'ended ones are counted');
    const reason = /^sluice_requests_total\{.*reason="overloaded"\} (\d+)$/gm;
    t.ok((await sumOf(reason)) > 100, 'with their reason');
    const held = /^sluice_held_bytes\{.*\} (\d+)$/gm;
    // What came last may not have been looked at yet. A limit that does not hold ends in the time of the test.
    while ((await sumOf(held)) > LIMIT_MIB * MIB) await sleep(20);
    peakMib = Math.max(peakMib, residentMib(sluice.pid));
    t.comment(`at rest ${atRestMib.toFixed(0)} MiB, at most ${peakMib.toFixed(0)} MiB`);
    t.ok(peakMib - atRestMib < kind.growthMib, `it grew by ${(peakMib - atRestMib).toFixed(0)} MiB`);
    for (const socket of sockets) socket.destroy();
    t.equal((await modest.ask(get('/small'))).body, 'small', 'still the same connection');
  });
}

async function adminOf(sluice: SluiceProcess, folder: string): Promise<{ url: string; token: string }> {
  const { url } = await sluice.message('admin API');
  return { url: String(url), token: readFileSync(`${folder}/data/admin.token`, 'utf8').trim() };
}
