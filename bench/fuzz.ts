/**
 * `node bench/fuzz.ts`: seeded fuzzing of everything that reads what others wrote. What is tried and what must hold:
 * bench/README.md. Exit code 1 when something was found.
 */
import { relative } from 'node:path';
import { systemClock } from '../src/kernel/clock.ts';
import { secretBytes } from '../src/kernel/random.ts';
import { runBench, stopSignal } from './entry.ts';
import { addFindings } from './fuzz/findings.ts';
import { HELP, readFuzzOptions } from './fuzz/options.ts';
import { runSession } from './fuzz/session.ts';
import { textTable } from './report/table.ts';
import { writeJson } from './report/write.ts';
import { describeMachine } from './system/machine.ts';

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const options = readFuzzOptions(args, secretBytes(4).readUInt32LE(0));
  if (options === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const { minutes, seed, parts, findingsPath, jsonPath } = options;
  const say = (line: string): void => void process.stderr.write(`fuzz: ${line}\n`);
  say(`seed ${seed}, ${minutes} minutes of ${parts.join(', ')}`);
  const startMs = systemClock.nowMs();
  const { results, findings } = await runSession({
    seed,
    durationMs: minutes * 60_000,
    parts,
    clock: systemClock,
    say,
    signal: stopSignal(),
  });
  const took = (systemClock.nowMs() - startMs) / 60_000;
  const total = results.reduce((sum, it) => sum + it.inputs, 0);
  const rows = results.map((it) => [it.part, String(it.inputs), String(it.findings)]);
  process.stdout.write(`${textTable(['part', 'inputs', 'findings'], rows)}\n`);
  process.stdout.write(`\n${total} inputs in ${took.toFixed(1)} minutes, seed ${seed}\n`);
  const fresh = addFindings(findingsPath, findings);
  if (fresh > 0)
    process.stdout.write(`${fresh} findings added to ${relative(process.cwd(), findingsPath)}\n`);
  const when = new Date(systemClock.wallMs()).toISOString();
  const command = ['node bench/fuzz.ts', ...args].join(' ');
  writeJson(jsonPath, {
    when,
    command,
    machine: await describeMachine(),
    seed,
    minutes: took,
    results,
    findings,
  });
  if (results.some((it) => it.findings > 0)) process.exitCode = 1;
}

await runBench('fuzz', main);
