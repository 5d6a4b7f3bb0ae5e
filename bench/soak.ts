/**
 * `node bench/soak.ts`: everything at once against one daemon for a bounded time (bench/README.md). Exit code 1 when
 * something is not back at the start, grows, or has no explanation.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { systemClock } from '../src/kernel/clock.ts';
import { runBench, stopSignal } from './entry.ts';
import { footerOf, writeJson } from './report/write.ts';
import { readSoakOptions, SOAK_HELP } from './soak/options.ts';
import { curvesOf, figuresOf, outcomeTable, verdictOf } from './soak/report.ts';
import { runSoak } from './soak/run.ts';
import { describeMachine } from './system/machine.ts';

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const options = readSoakOptions(args);
  if (options === undefined) {
    process.stdout.write(SOAK_HELP);
    return;
  }
  const say = (line: string): void => void process.stderr.write(`soak: ${line}\n`);
  const when = new Date(systemClock.wallMs()).toISOString();
  const result = await runSoak(options, systemClock, say, stopSignal());
  const figures = figuresOf(result);
  const verdict = verdictOf(result, figures);
  const command = ['node bench/soak.ts', ...args].join(' ');
  const machine = await describeMachine();
  const { samples, events, before, after, ledger } = result;
  const outcomes = ledger.rows().map(([what, count, why]) => ({ what, count, why }));
  const unexplained = ledger.unexplained.slice(0, 200);
  writeJson(options.jsonPath, {
    ...{ when, command, machine, seed: options.seed, figures, verdict },
    ...{ before, after, outcomes, unexplained, events, samples },
  });
  const svgPath = options.jsonPath.replace(/(?:\.json)?$/, '.svg');
  writeFileSync(svgPath, curvesOf(result, figures, footerOf(machine, command, when)));
  process.stdout.write(`${outcomeTable(result)}\n\n`);
  for (const [name, value] of Object.entries(figures)) process.stdout.write(`${name}: ${value}\n`);
  process.stdout.write(`descriptors: ${before.descriptors} before, ${after.descriptors} after\n`);
  const files = [options.jsonPath, svgPath].map((path) => relative(process.cwd(), path));
  process.stdout.write(
    `\n${verdict.length === 0 ? 'passed' : verdict.join('\n')}\nwritten: ${files.join(', ')}\n`,
  );
  if (verdict.length > 0) process.exitCode = 1;
}

await runBench('soak', main);
