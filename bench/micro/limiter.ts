/**
 * The limiter's check in nanoseconds and in bytes allocated: one client, many clients (cache misses), the same
 * client from two threads at once (the worst case of the lock), a refusal. `node bench/micro/limiter.ts`
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { systemClock } from '../../src/kernel/clock.ts';
import { secretBytes } from '../../src/kernel/random.ts';
import {
  type ClientKey,
  clientKeyOf,
  LimiterTable,
  parseAddress,
  RateRule,
  Verdict,
} from '../../src/limit/index.ts';

const CHECKS = 2_000_000;
const ROUNDS = 5;

function clients(count: number): ClientKey[] {
  return Array.from({ length: count }, (_, i) =>
    clientKeyOf(parseAddress(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`)),
  );
}

/** Nanoseconds a check; the best of some rounds, as the noise of a shared machine only ever adds. */
function measure(table: LimiterTable, rule: RateRule, keys: readonly ClientKey[], startMs: number): number {
  const verdict = new Verdict();
  let best = Number.POSITIVE_INFINITY;
  let nowMs = startMs;
  for (let round = 0; round < ROUNDS; round++) {
    const began = systemClock.nowMs();
    for (let i = 0, k = 0; i < CHECKS; i++) {
      table.check(rule, keys[k] as ClientKey, nowMs, verdict);
      nowMs += 0.05;
      k = k + 1 === keys.length ? 0 : k + 1;
    }
    best = Math.min(best, ((systemClock.nowMs() - began) * 1e6) / CHECKS);
  }
  return best;
}

/** Bytes of heap a check, with a clock whose value costs nothing; run with --expose-gc for a sharp figure. */
function bytesPerCheck(table: LimiterTable, rule: RateRule, keys: readonly ClientKey[]): number {
  const verdict = new Verdict();
  const checks = 200_000;
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < checks; i++)
    table.check(rule, keys[i % keys.length] as ClientKey, 1_000_000 + i, verdict);
  return (process.memoryUsage().heapUsed - before) / checks;
}

async function twoThreads(buffer: SharedArrayBuffer): Promise<number> {
  const workers = [0, 1].map(
    (thread) => new Worker(new URL(import.meta.url), { workerData: { buffer, thread } }),
  );
  const results = await Promise.all(workers.map((worker) => once(worker, 'message')));
  return Math.max(...results.map(([nanoseconds]) => nanoseconds as number));
}

async function main(): Promise<void> {
  const table = LimiterTable.create({ entries: 65536, seed: secretBytes(8), nowMs: 0 });
  const window = new RateRule({ name: 'window', count: 1_000_000_000, windowMs: 60_000 });
  const tight = new RateRule({ name: 'tight', count: 20, windowMs: 2_000_000_000 });
  const bucket = new RateRule({ name: 'bucket', count: 1_000_000, windowMs: 1000, burst: 1_000_000 });
  const one = clients(1);
  const many = clients(20_000);
  const rows: [string, number][] = [
    ['window, one client', measure(table, window, one, 0)],
    ['window, 20 000 clients', measure(table, window, many, 1e6)],
    ['window, refused', measure(table, tight, one, 0)],
    ['bucket, one client', measure(table, bucket, one, 0)],
    ['bucket, 20 000 clients', measure(table, bucket, many, 1e6)],
    ['window, one client, two threads', await twoThreads(table.buffer)],
  ];
  for (const [name, nanoseconds] of rows)
    process.stdout.write(`${name.padEnd(34)}${nanoseconds.toFixed(0).padStart(6)} ns\n`);
  process.stdout.write(`allocated${bytesPerCheck(table, window, one).toFixed(2).padStart(31)} B a check\n`);
}

if (isMainThread) {
  await main();
} else {
  const { buffer, thread } = workerData as { buffer: SharedArrayBuffer; thread: number };
  const rule = new RateRule({ name: 'shared', count: 1_000_000_000, windowMs: 60_000 });
  parentPort?.postMessage(measure(LimiterTable.attach(buffer, thread), rule, clients(1), 0));
}
