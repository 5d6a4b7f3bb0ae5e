/**
 * `node bench/tls-scan.ts`: testssl.sh against the TLS that Sluice speaks by default. What is about the certificate of the
 * bench (made for it, signed by itself) or about fields of an answer (the server's affair) is shown and not judged.
 * Exit code 1 when anything else is of medium severity or above.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/kernel/clock.ts';
import { SluiceError } from '../src/kernel/errors.ts';
import { runBench } from './entry.ts';
import { textTable } from './report/table.ts';
import { writeJson } from './report/write.ts';
import { openStage } from './stage.ts';
import { sluice } from './subjects/sluice.ts';
import { describeMachine } from './system/machine.ts';
import { runToEnd } from './system/process.ts';

const RESULTS = fileURLToPath(new URL('results/tls-scan.json', import.meta.url));
const LIMIT_MS = 10 * 60_000;
const SEVERE: ReadonlySet<string> = new Set(['MEDIUM', 'HIGH', 'CRITICAL', 'FATAL']);
const FINE: ReadonlySet<string> = new Set(['OK', 'INFO', 'DEBUG']);
/** By the beginning of their ids: certificate, its name in DNS, fields of answers. */
const NOT_OURS =
  /^(?:cert|DNS_|HSTS|HPKP|security_headers|banner|cookie|BREACH|HTTP_|grade|overall|intermediate)/;

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

async function scan(port: number, folder: string, signal: AbortSignal): Promise<Finding[]> {
  const path = join(folder, 'testssl.json');
  const options = ['--warnings=batch', '--color=0', '--quiet', `--jsonfile=${path}`, '--ip=127.0.0.1'];
  const { stdout } = await runToEnd('testssl', [...options, `localhost:${port}`], { cwd: folder, signal });
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Finding[];
  } catch (cause) {
    const hint = `on Debian: apt-get install testssl.sh. It said: ${stdout.slice(-400)}`;
    throw new SluiceError('bench_program_missing', 'testssl has written no findings', { hint, cause });
  }
}

async function main(): Promise<void> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const say = (line: string): void => void process.stderr.write(`tls-scan: ${line}\n`);
  await using stage = await openStage(systemClock, signal, say);
  await using subject = await stage.start(sluice);
  say(`testssl on port ${subject.tlsPort}, some minutes`);
  const findings = await scan(subject.tlsPort, stage.newFolder('testssl'), signal);
  const notable = findings.filter(({ severity }) => !FINE.has(severity));
  const bad = notable.filter(({ id, severity }) => SEVERE.has(severity) && !NOT_OURS.test(id));
  const rows = notable.map(({ id, severity, finding }) => [
    severity,
    id,
    NOT_OURS.test(id) ? 'certificate or answer' : 'TLS',
    finding.slice(0, 80),
  ]);
  process.stdout.write(`${textTable(['severity', 'id', 'about', 'finding'], rows)}\n`);
  process.stdout.write(
    `\n${findings.length} findings, ${bad.length} of medium severity or above about TLS\n`,
  );
  const when = new Date(systemClock.wallMs()).toISOString();
  const kept = findings.map(({ id, severity, finding }) => ({ id, severity, finding }));
  writeJson(RESULTS, {
    when,
    command: 'node bench/tls-scan.ts',
    machine: await describeMachine(),
    findings: kept,
  });
  if (bad.length > 0) process.exitCode = 1;
}

await runBench('tls-scan', main);
