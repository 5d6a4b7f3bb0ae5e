/**
 * `node bench/idle.ts`: memory of an idle keep-alive connection, plain and TLS, of Sluice, nginx, HAProxy, and of Node's
 * sockets alone; then as many on Sluice as the descriptors allow. The limits are those of the design: 8 KiB plain, and over
 * TLS what bare node:tls takes and 10 KiB.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/kernel/clock.ts';
import { openFilesLimit } from '../src/kernel/open-files.ts';
import { runBench } from './entry.ts';
import { type IdleResult, measureIdle } from './parts/idle.ts';
import { textTable } from './report/table.ts';
import { writeJson } from './report/write.ts';
import { openStage } from './stage.ts';
import { bare } from './subjects/bare.ts';
import { haproxy } from './subjects/haproxy.ts';
import { nginx } from './subjects/nginx.ts';
import { patientSluice as sluice } from './subjects/sluice.ts';
import type { Subject } from './subjects/subject.ts';
import { describeMachine } from './system/machine.ts';

const RESULTS = fileURLToPath(new URL('results/idle.json', import.meta.url));
/** nginx and the backend are set up for 4096 connections, two of them a request. */
const BESIDE = 2000;
const MOST = 15_000;
/** Descriptors that are kept for other things, here and in the daemon. */
const SPARE_FILES = 2000;
const LIMIT_MS = 20 * 60_000;
const KIB = 1024;
const PLAIN_LIMIT_KIB = 8;
const TLS_MORE_KIB = 10;

interface Plan {
  readonly subject: Subject;
  readonly connections: number;
}

function plansOf(only: readonly string[] | undefined): Plan[] {
  const many = Math.max(BESIDE, Math.min(MOST, openFilesLimit() - SPARE_FILES));
  const beside = [sluice, bare, nginx, haproxy].map((subject) => ({ subject, connections: BESIDE }));
  const all = [...beside, { subject: sluice, connections: many }, { subject: bare, connections: many }];
  return all.filter(({ subject }) => only === undefined || only.includes(subject.name));
}

/** What is over its limit, in words. */
function misses(results: readonly IdleResult[]): string[] {
  const found: string[] = [];
  for (const { subject, kind, connections, bytesEach } of results) {
    if (subject !== sluice.name) continue;
    const alone = results.find(
      (it) => it.subject === bare.name && it.kind === kind && it.connections === connections,
    );
    const limitKib =
      kind === 'plain' ? PLAIN_LIMIT_KIB : alone ? alone.bytesEach / KIB + TLS_MORE_KIB : undefined;
    if (limitKib !== undefined && bytesEach / KIB > limitKib)
      found.push(
        `${kind}, ${connections}: ${(bytesEach / KIB).toFixed(1)} KiB, more than ${limitKib.toFixed(1)}`,
      );
  }
  return found;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string' }, json: { type: 'string' } } });
  const say = (line: string): void => void process.stderr.write(`idle: ${line}\n`);
  await using stage = await openStage(systemClock, AbortSignal.timeout(LIMIT_MS), say);
  const results: IdleResult[] = [];
  for (const { subject, connections } of plansOf(values.only?.split(','))) {
    say(`${subject.name}, ${connections} connections`);
    results.push(...(await measureIdle(stage, subject, connections)));
  }
  const rows = results.map(({ subject, kind, connections, bytesEach, afterBytes }) => [
    ...[subject, kind, String(connections), (bytesEach / KIB).toFixed(1)],
    (afterBytes / KIB / KIB).toFixed(0),
  ]);
  process.stdout.write(`${textTable(['subject', 'kind', 'connections', 'KiB each', 'MiB in all'], rows)}\n`);
  for (const miss of misses(results)) process.stdout.write(`over the limit: ${miss}\n`);
  const command = ['node bench/idle.ts', ...process.argv.slice(2)].join(' ');
  const when = new Date(systemClock.wallMs()).toISOString();
  writeJson(values.json ?? RESULTS, { when, command, machine: await describeMachine(), results });
}

await runBench('idle', main);
