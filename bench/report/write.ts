/** Results as files: JSON with every sample, and charts beside it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CellSummary } from '../summary.ts';
import type { Machine } from '../system/machine.ts';
import { type Chart, type Panel, svgChart } from './chart.ts';
import { figure } from './table.ts';

/** Two lines for under a chart: the machine, the command. */
export function footerOf(machine: Machine, command: string, when: string): string[] {
  const { node, nginx, haproxy, wrk } = machine.versions;
  const programs = Object.entries({ Node: node, nginx, HAProxy: haproxy, wrk })
    .filter(([, version]) => version !== undefined)
    .map(([name, version]) => `${name} ${version}`);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.kernel}; ${programs.join(', ')}`,
    `${when.slice(0, 10)}, ${command}`,
  ];
}

const TITLES: Readonly<Record<string, string>> = {
  small: 'Small JSON answer, plain',
  'tls-small': 'Small JSON answer, TLS',
  '16k': '16 KiB answer, plain',
  'tls-16k': '16 KiB answer, TLS',
  '1m': '1 MiB answer, plain',
  'tls-1m': '1 MiB answer, TLS',
  churn: 'A connection a request, plain',
  'tls-full': 'A full TLS handshake a request',
  'tls-resumed': 'A resumed TLS handshake a request',
  'h2-small': 'Small JSON answer, HTTP/2',
  'h2-16k': '16 KiB answer, HTTP/2',
};

/** "tls-small varied" for people. */
export function titleOf(cell: string): string {
  const [name = '', mix = ''] = cell.split(' ');
  return `${TITLES[name] ?? name}, ${mix}`;
}

/** Processor time a request, one panel a cell; behind each bar the ratio to ours. */
export function cpuPanels(cells: readonly CellSummary[], ours: string): Panel[] {
  return cells.map(({ cell, rows }) => ({
    title: titleOf(cell),
    unit: 'CPU-µs a request',
    bars: rows.map(({ subject, cpuUs, oursOverThis }) => {
      const { median, low, high } = cpuUs;
      const ratio = oursOverThis === undefined ? '' : `  (${figure(1 / oursOverThis.median)} × ${ours})`;
      return {
        label: subject,
        value: median,
        low,
        high,
        note: `${figure(median)}${ratio}`,
        isOurs: subject === ours,
      };
    }),
  }));
}

export function ratePanels(cells: readonly CellSummary[], ours: string): Panel[] {
  return cells.map(({ cell, rows }) => ({
    title: titleOf(cell),
    unit: 'requests/s',
    bars: rows.map(({ subject, requestsPerSecond, p99Ms }) => {
      const { median, low, high } = requestsPerSecond;
      const note = `${figure(median)}  (p99 ${figure(p99Ms)} ms)`;
      return { label: subject, value: median, low, high, note, isOurs: subject === ours };
    }),
  }));
}

export function writeJson(path: string, data: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(data, undefined, 1)}\n`);
}

export function writeChart(path: string, chart: Chart): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, svgChart(chart));
}
