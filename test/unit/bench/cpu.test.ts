import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import {
  coresOf,
  cpuBetweenUs,
  isAlive,
  processTree,
  readCores,
  readCpu,
} from '../../../bench/system/cpu.ts';

const isLinux = process.platform === 'linux';

t.test('lists of cores', (t) => {
  t.same(coresOf('0'), [0]);
  t.same(coresOf('0,2-4'), [0, 2, 3, 4]);
  t.throws(() => coresOf('one'), RangeError);
  t.end();
});

t.test('nanoseconds while every thread is still there, ticks when one has ended', (t) => {
  const before = {
    ticks: 100,
    threads: new Map([
      ['1/1', 5_000],
      ['1/2', 1_000],
    ]),
  };
  const grown = {
    ticks: 103,
    threads: new Map([
      ['1/1', 9_000],
      ['1/2', 1_000],
      ['1/3', 2_000],
    ]),
  };
  t.equal(cpuBetweenUs(before, grown), 6, 'a new thread counts from zero');
  t.equal(cpuBetweenUs(before, { ticks: 103, threads: new Map([['1/1', 9_000]]) }), 30_000);
  t.equal(cpuBetweenUs({ ticks: 1, threads: new Map() }, { ticks: 2, threads: new Map() }), 10_000);
  t.end();
});

t.test('a child of a child is in the tree, and its time in the reading', { skip: !isLinux }, async (t) => {
  const burn = 'const end = process.cpuUsage().user + 2e5; while (process.cpuUsage().user < end);';
  const inner = `${burn} process.stdout.write("burnt"); setInterval(() => {}, 1e6)`;
  const outer = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(inner)}], { stdio: "inherit" })`;
  const before = readCores('0');
  const child = spawn(process.execPath, ['-e', outer], { stdio: ['ignore', 'pipe', 'ignore'] });
  const pid = child.pid ?? 0;
  await once(child.stdout, 'data');
  const tree = processTree(pid);
  t.equal(tree.length, 2);
  t.equal(tree[0]?.pid, pid, 'parents first');
  t.ok(tree.every(isAlive));
  const reading = readCpu(pid);
  const usedUs = cpuBetweenUs({ ticks: 0, threads: new Map() }, reading);
  t.ok(usedUs >= 200_000, `${usedUs} us of at least 200000`);
  t.ok(reading.ticks >= 20, `${reading.ticks} ticks of at least 20`);
  t.ok(readCores('0').busyUs >= before.busyUs);
  for (const { pid: one } of tree) process.kill(one, 'SIGKILL');
  await once(child, 'close');
  // The pipe closes a moment before the kernel calls the process dead.
  while (tree.some(isAlive)) await new Promise(setImmediate);
  t.notOk(tree.some(isAlive), 'and it knows when they are gone');
});
