/** What an idle keep-alive connection costs: resident memory of the subject's processes, with and without them. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { delay } from '../../src/kernel/clock.ts';
import type { Stage } from '../stage.ts';
import type { RunningSubject, Subject } from '../subjects/subject.ts';
import { processTree } from '../system/cpu.ts';

const REQUEST = 'GET /small HTTP/1.1\r\nHost: bench.example\r\n\r\n';
const BATCH = 50;
/** Garbage of the connecting is collected by then, or it is held. */
const SETTLE_MS = 5000;
/** Of each kind, before the first look: what a subject makes once is made. */
const WARM_UP = 200;

export interface IdleResult {
  readonly subject: string;
  readonly kind: 'plain' | 'TLS';
  readonly connections: number;
  readonly beforeBytes: number;
  readonly afterBytes: number;
  /** Of one connection. */
  readonly bytesEach: number;
}

/** What is in memory of a process and all that descend from it. */
function residentBytes(pid: number): number {
  let bytes = 0;
  for (const { pid: each } of processTree(pid)) {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${each}/status`, 'latin1'))?.[1];
    bytes += Number(kib ?? 0) * 1024;
  }
  return bytes;
}

/** Connections that have had one answer each. */
async function openIdle(port: number, isTls: boolean, count: number, signal: AbortSignal): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const secureContext = createSecureContext();
  const open = async (): Promise<void> => {
    const where = { host: '127.0.0.1', port };
    const socket = isTls
      ? connectTls({ ...where, rejectUnauthorized: false, secureContext })
      : connect(where);
    sockets.push(socket);
    await once(socket, isTls ? 'secureConnect' : 'connect', { signal });
    socket.write(REQUEST);
    await once(socket, 'data', { signal });
    socket.on('error', () => {});
    socket.resume();
  };
  while (sockets.length < count)
    await Promise.all(Array.from({ length: Math.min(BATCH, count - sockets.length) }, open));
  return sockets;
}

/** Measures one subject: plain, then TLS, each on a process of its own. */
export async function measureIdle(
  stage: Stage,
  subject: Subject,
  connections: number,
): Promise<IdleResult[]> {
  const results: IdleResult[] = [];
  for (const kind of ['plain', 'TLS'] as const) {
    await using running = await stage.start(subject);
    const result = await measureKind(stage, running, kind, connections);
    stage.say(`${kind}: ${(result.bytesEach / 1024).toFixed(1)} KiB each`);
    results.push(result);
  }
  return results;
}

async function measureKind(
  stage: Stage,
  running: RunningSubject,
  kind: IdleResult['kind'],
  connections: number,
): Promise<IdleResult> {
  const isTls = kind === 'TLS';
  const port = isTls ? running.tlsPort : running.plainPort;
  for (const socket of await openIdle(port, isTls, WARM_UP, stage.signal)) socket.destroy();
  await delay(stage.clock, SETTLE_MS);
  const beforeBytes = residentBytes(running.process.pid);
  const sockets = await openIdle(port, isTls, connections, stage.signal);
  try {
    await delay(stage.clock, SETTLE_MS);
    const alive = sockets.filter((socket) => !socket.destroyed).length;
    if (alive < connections) throw new Error(`${connections - alive} of ${connections} were closed`);
    const afterBytes = residentBytes(running.process.pid);
    const bytesEach = (afterBytes - beforeBytes) / connections;
    return { subject: running.name, kind, connections, beforeBytes, afterBytes, bytesEach };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}
