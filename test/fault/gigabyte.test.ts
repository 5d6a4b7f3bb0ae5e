/**
 * A gigabyte each way through a daemon of its own process, by length and in chunks, plain and over TLS, and to a client that
 * reads late and in gulps: every byte arrives, and the daemon's memory does not grow with the body.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as TlsAgent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { BLOCK_BYTES, Blocks, bulkServer, digestOf } from '../support/bulk-server.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const MIB = 1024 * 1024;
const BYTES = 1024 * MIB;
const BLOCKS = BYTES / BLOCK_BYTES;
const MAX_GROWTH_BYTES = 64 * MIB;

t.setTimeout(170_000);
const skip = process.platform === 'linux' ? false : 'the memory of another process is read from /proc';

const toMib = (bytes: number): string => (bytes / MIB).toFixed(1);

/** Bytes of a process that are in memory. */
function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kib) * 1024;
}

interface Target {
  readonly isTls: boolean;
  readonly port: number;
  readonly agent: Agent;
}

function open(target: Target, method: string, path: string, headers: Record<string, string | number>) {
  const { port, agent } = target;
  const options = { host: '127.0.0.1', port, agent, method, path, headers };
  return target.isTls ? requestHttps({ ...options, rejectUnauthorized: false }) : requestHttp(options);
}

/** The SHA-256 of a download. `pause` makes a slow reader. */
async function download(target: Target, framing: string, bytes: number, pause?: () => Promise<void>) {
  const request = open(target, 'GET', `/${framing}/${bytes}`, {});
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const hash = createHash('sha256');
  let size = 0;
  let gulp = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
    gulp += chunk.length;
    if (!pause || gulp < 32 * MIB) continue;
    gulp = 0;
    await pause();
  }
  return { sha256: hash.digest('hex'), size };
}

/** What the server says of an upload. */
async function upload(target: Target, framing: string, bytes: number) {
  const request = open(target, 'POST', '/', framing === 'length' ? { 'content-length': bytes } : {});
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  const blocks = new Blocks();
  for (let i = 0; i < bytes / BLOCK_BYTES; i++)
    if (!request.write(blocks.at(i))) await once(request, 'drain');
  request.end();
  const [response] = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString()) as { sha256: string; size: number };
}

t.test('a gigabyte each way (B1)', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-gigabyte-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await using server = await bulkServer();
  const config: FileInput = {
    threads: 1,
    admin: { listen: '127.0.0.1:0' },
    store: { path: join(folder, 'data') },
    logs: { format: 'json', access: { enabled: true, file: join(folder, 'access.log') } },
    certificates: { local: { self_signed: ['localhost'] } },
    listeners: {
      plain: { address: '127.0.0.1', port: 0 },
      tls: { address: '127.0.0.1', port: 0, tls: { certificates: ['local'] } },
    },
    routes: [{ name: 'all', pool: 'web' }],
    pools: { web: { servers: [`127.0.0.1:${server.port}`], health: false } },
  };
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, JSON.stringify(config));
  await using daemon = new SluiceProcess(['run', '--config', file], { cwd: folder });
  const ready = await daemon.message('ready');
  const portOf = (name: string): number => {
    const text = (ready['listeners'] as string[]).find((it) => it.startsWith(`${name} :`));
    return Number(text?.split(':')[1]);
  };
  const expected = digestOf(BLOCKS);
  const fresh = residentBytes(daemon.pid);

  for (const isTls of [false, true]) {
    const name = isTls ? 'TLS' : 'plain';
    const agent = isTls ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
    const target: Target = { isTls, port: portOf(isTls ? 'tls' : 'plain'), agent };
    let most = fresh;
    const look = setInterval(() => {
      most = Math.max(most, residentBytes(daemon.pid));
    }, 20);
    const check = (what: string, got: { sha256: string; size: number }): void => {
      t.equal(got.size, BYTES, `${name}: ${what}: all of it`);
      t.equal(got.sha256, expected, `${name}: ${what}: byte for byte`);
    };
    for (const framing of ['length', 'chunked']) {
      check(`upload, ${framing}`, await upload(target, framing, BYTES));
      check(`download, ${framing}`, await download(target, framing, BYTES));
    }
    check('slow reader', await download(target, isTls ? 'chunked' : 'length', BYTES, () => sleep(25)));
    clearInterval(look);
    agent.destroy();
    const growth = most - fresh;
    t.ok(growth < MAX_GROWTH_BYTES, `${name}: ${toMib(growth)} MiB more than when it was fresh`);
    t.comment(`${name}: at most ${toMib(most)} MiB, ${toMib(fresh)} when fresh`);
  }
});
