/** Configurations with their text changed: `sluice check` says 0 or 2 and what is wrong, and never more than that. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { Random } from '../../../src/kernel/random.ts';
import { FakeContext, sluice } from '../../../test/support/cli-context.ts';
import { blocksOf } from '../../../test/support/markdown.ts';
import type { Part } from '../input.ts';
import { mutateBytes, pick } from '../mutate.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
/** A file of a few KiB that takes longer than this blocks a reload: a bomb of aliases, or worse. */
const SLOW_MS = 5000;

const SCALARS = [
  ...['~', 'null', 'true', 'yes', '0', '-1', '1e309', '.nan', '.inf', '0x10', '0o17', "''", '""', '[]', '{}'],
  ...[
    '[[[[[[[]]]]]]]',
    '{a: {b: {c: {}}}}',
    '&a [*a]',
    '*a',
    '&a',
    '!!binary aGk=',
    '!!js/function x',
    '!<x> y',
  ],
  ...[
    '"\\x00"',
    '"\\ud800"',
    '2026-11-21',
    '99999999999999999999',
    '1m',
    '-5s',
    '10GiB',
    '127.0.0.1',
    '[::1]:80',
  ],
  ...[
    '${HOME}',
    '${UNSET_VARIABLE}',
    '${',
    'file:/etc/passwd',
    '/dev/zero',
    '../../..',
    'http://a:b@c:99999/',
  ],
  ...[
    '__proto__',
    'constructor',
    'a'.repeat(3000),
    '(a+)+$',
    '*',
    '?',
    '- -',
    '|',
    '>',
    '%TAG',
    '---',
    '...',
  ],
];
const LINES = [
  ...[
    '  <<: *a',
    'a: &a [*a, *a]',
    '__proto__: { x: 1 }',
    'version: 2',
    'threads: 999999',
    '---',
    '...',
    '\t- x',
  ],
  ...[
    'listeners: 5',
    'pools:',
    'routes: {}',
    'admin: [1]',
    '? [a]: b',
    '? {}',
    '- ',
    ': x',
    '#',
    '%YAML 9.9',
  ],
  ...['include: sluice.yaml', 'certificates: { x: { cert: /dev/stdin, key: /dev/null } }', '"\u2028": 1'],
];

export function configPart(): Part {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
  const file = join(folder, 'sluice.yaml');
  const corpus = readConfigurations();
  return {
    name: 'config',
    width: 1,
    make: (random) => ({ text: mutateYaml(pick(random, corpus), random), cuts: [] }),
    async check({ text }) {
      writeFileSync(file, text, 'latin1');
      const context = new FakeContext(folder);
      const startMs = systemClock.nowMs();
      let code: number;
      try {
        ({ code } = await sluice(['check', file], context));
      } catch (thrown) {
        return `threw: ${thrown instanceof Error ? thrown.stack : String(thrown)}`;
      }
      const took = systemClock.nowMs() - startMs;
      const said = `${context.stdout.text}${context.stderr.text}`;
      if (code !== 0 && code !== 2) return `code: ${code}: ${said.slice(0, 500)}`;
      if (/^\s+at .*[:(]\d+:\d+\)?$/m.test(said)) return `stack: ${said.slice(0, 1000)}`;
      if (code === 2 && said.trim() === '') return 'silent: refused without a word';
      return took > SLOW_MS ? `slow: ${Math.round(took)} ms` : '';
    },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The examples of config/ and of the documentation. */
function readConfigurations(): string[] {
  const names = readdirSync(join(ROOT, 'config')).filter((name) => name.endsWith('.yaml'));
  const files = names.map((name) => readFileSync(join(ROOT, 'config', name), 'latin1'));
  const blocks = blocksOf(readFileSync(join(ROOT, 'README.md'), 'latin1'));
  return [...files, ...blocks.filter((it) => it.language === 'yaml').map((it) => it.text)];
}

function mutateYaml(text: string, random: Random): string {
  let lines = text.split('\n');
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(lines.length);
    const line = lines[at] ?? '';
    switch (random.below(8)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(random.below(lines.length + 1), 0, line);
        break;
      case 2:
        lines[at] = `${' '.repeat(random.below(9))}${line.trimStart()}`;
        break;
      case 3:
        lines.splice(at, 0, `${' '.repeat(2 * random.below(4))}${pick(random, LINES)}`);
        break;
      case 4:
        lines = mutateBytes(lines.join('\n'), random).split('\n');
        break;
      default:
        lines[at] = line.replace(
          /(:\s*|-\s+|[[,]\s*)[^,\]}#]*/,
          (_, lead: string) => `${lead}${pick(random, SCALARS)}`,
        );
    }
  }
  return lines.join('\n');
}
