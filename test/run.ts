/**
 * The test command: `npm test` (everything, with the coverage gate), `npm test -- PATH…` (only the test files under the
 * paths), `npm run check` (types, lint, orphans).
 *
 * Options: --only-checks, --jobs N, --coverage (measure with paths too), --timeout SECONDS (of one file).
 * Ends with a line `N passed, N failed` that counts assertions (and each check and coverage gate as one); exits with 1 when
 * anything failed. Tests skipped for a missing component are listed with what installs it.
 */
import { globSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { watchLifeline } from '../src/kernel/lifeline.ts';
import { CHECKS, type CheckResult, ensureTapBuilt, runCheck } from './support/checks.ts';
import { Coverage, percent } from './support/coverage.ts';
import { type FileResult, RunningGroups, runFile } from './support/run-file.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** In this order: what fails fast comes first. */
const KINDS = ['unit', 'conformance', 'attack', 'flow', 'fault', 'browser'];
const LEAST_COVERED_PERCENT = 80;
const FILE_TIMEOUT_S = 180;

interface Totals {
  passed: number;
  failed: number;
  readonly skipped: string[];
  /** What failed, one line each, repeated at the end. */
  readonly failures: string[];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** The test files under the given paths, relative to the root; all of them without paths. */
function findTests(paths: readonly string[]): string[] {
  const all = KINDS.flatMap((kind) => globSync(`test/${kind}/**/*.test.ts`, { cwd: ROOT }).sort());
  if (paths.length === 0) return all;
  return paths.flatMap((path) => {
    const wanted = relative(ROOT, resolve(path));
    const isFile = statSync(join(ROOT, wanted), { throwIfNoEntry: false })?.isFile() ?? false;
    const found = isFile ? [wanted] : all.filter((file) => file.startsWith(`${wanted}${sep}`));
    if (found.length === 0) throw new Error(`no test file under ${path}`);
    return found;
  });
}

function reportCheck(result: CheckResult, totals: Totals): void {
  print(`${result.ok ? 'ok    ' : 'FAILED'} ${result.name}  (${seconds(result.durationMs)})`);
  if (result.ok) {
    totals.passed += 1;
    return;
  }
  print(result.output);
  totals.failed += 1;
  totals.failures.push(result.name);
}

function reportFile({ file, counts, problems, output, durationMs }: FileResult, totals: Totals): void {
  const failed = counts.failed + problems.length;
  const skips = counts.skipped.length > 0 ? `, ${counts.skipped.length} skipped` : '';
  print(
    `${failed === 0 ? 'ok    ' : 'FAILED'} ${file}  (${counts.passed} passed${skips}, ${seconds(durationMs)})`,
  );
  totals.passed += counts.passed;
  totals.failed += failed;
  for (const { path, reason } of counts.skipped) {
    totals.skipped.push(`${file} › ${path.filter((name) => name !== reason).join(' › ')}: ${reason}`);
  }
  if (failed === 0) return;
  for (const { path, details } of counts.failures) {
    totals.failures.push(`${file} › ${path.join(' › ')}`);
    print(indent([path.join(' › '), ...details.map((line) => `  ${line}`)]));
  }
  for (const problem of problems) {
    totals.failures.push(`${file}: ${problem}`);
    print(indent([problem]));
  }
  if (output.trim() !== '') print(indent(['It printed:', ...output.trimEnd().split('\n')]));
}

const indent = (lines: readonly string[]): string => lines.map((line) => `    ${line}`).join('\n');

/** Runs the files, `jobs` at a time, in order. */
async function runFiles(
  files: readonly string[],
  options: { jobs: number; timeoutMs: number; coverage: Coverage | undefined },
  running: RunningGroups,
  totals: Totals,
): Promise<void> {
  const raw = mkdtempSync(join(tmpdir(), 'sluice-coverage-'));
  process.once('exit', () => rmSync(raw, { recursive: true, force: true }));
  const queue = [...files.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, file] = next;
      const coverageFolder = options.coverage === undefined ? undefined : join(raw, String(index));
      const { timeoutMs } = options;
      const result = await runFile(
        file,
        { root: ROOT, timeoutMs, environment: process.env, coverageFolder },
        running,
      );
      if (coverageFolder !== undefined) {
        options.coverage?.addFolder(coverageFolder);
        rmSync(coverageFolder, { recursive: true, force: true });
      }
      reportFile(result, totals);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, worker));
}

/** Prints the table, writes coverage/lines.json, and holds every folder to the gate. */
function reportCoverage(coverage: Coverage, totals: Totals): void {
  const files = coverage.files();
  mkdirSync(join(ROOT, 'coverage'), { recursive: true });
  writeFileSync(join(ROOT, 'coverage', 'lines.json'), `${JSON.stringify(files, null, 1)}\n`);
  print(
    `\nLines of code that ran, by folder (at least ${LEAST_COVERED_PERCENT} %; each file: coverage/lines.json)`,
  );
  for (const folder of coverage.folders()) {
    const ok = percent(folder) >= LEAST_COVERED_PERCENT;
    print(
      `${ok ? '      ' : 'FAILED'} ${percent(folder).toFixed(1).padStart(5)} %  ${folder.folder}  (${folder.covered} of ${folder.lines})`,
    );
    if (ok) {
      totals.passed += 1;
      continue;
    }
    totals.failed += 1;
    totals.failures.push(`coverage of ${folder.folder} is ${percent(folder).toFixed(1)} %`);
    for (const file of files.filter((entry) => dirname(entry.file) === folder.folder)) {
      if (percent(file) < LEAST_COVERED_PERCENT)
        print(
          `               ${percent(file).toFixed(1).padStart(5)} %  ${file.file}: lines ${ranges(file.missed)}`,
        );
    }
  }
}

/** "3-5, 9" for [3, 4, 5, 9]. */
function ranges(numbers: readonly number[]): string {
  const parts: Array<[number, number]> = [];
  for (const number of numbers) {
    const last = parts.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}

function summarize(totals: Totals, startedMs: number): void {
  if (totals.skipped.length > 0) {
    print('\nSkipped:');
    for (const line of totals.skipped) print(`  ${line}`);
  }
  if (totals.failures.length > 0) {
    print('\nFailed:');
    for (const line of totals.failures) print(`  ${line}`);
  }
  print(`\nAssertions, in ${seconds(performance.now() - startedMs)}:`);
  const skips = totals.skipped.length > 0 ? `, ${totals.skipped.length} skipped` : '';
  print(`${totals.passed} passed, ${totals.failed} failed${skips}`);
}

async function main(): Promise<number> {
  const started = performance.now();
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'only-checks': { type: 'boolean', default: false },
      coverage: { type: 'boolean', default: false },
      jobs: { type: 'string', default: String(Math.min(4, availableParallelism())) },
      timeout: { type: 'string', default: String(FILE_TIMEOUT_S) },
    },
  });
  const running = new RunningGroups();
  process.on('exit', () => running.killAll());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
  watchLifeline(() => process.exit(130));

  const totals: Totals = { passed: 0, failed: 0, skipped: [], failures: [] };
  const everything = positionals.length === 0;
  const tapBuilt = await ensureTapBuilt(ROOT);
  if (tapBuilt !== undefined) reportCheck(tapBuilt, totals);
  if (everything) for (const check of CHECKS) reportCheck(await runCheck(ROOT, check), totals);
  if (!values['only-checks']) {
    const coverage = everything || values.coverage ? new Coverage(ROOT) : undefined;
    const options = { jobs: Number(values.jobs), timeoutMs: Number(values.timeout) * 1000, coverage };
    await runFiles(findTests(positionals), options, running, totals);
    if (coverage !== undefined && everything) reportCoverage(coverage, totals);
  }
  summarize(totals, started);
  return totals.failed === 0 ? 0 : 1;
}

process.exitCode = await main();
