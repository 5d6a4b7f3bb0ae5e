import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { generatedFiles } from '../../../src/config/generate.ts';
import { loadConfig, renderDiagnostics } from '../../../src/config/index.ts';
import type { JsonSchema } from '../../../src/config/json-schema.ts';

const folder = join(import.meta.dirname, '../../../config');
const MODELINE = '# yaml-language-server: $schema=./sluice.schema.json';

t.test('schema and reference in config/ are those of the schema', (t) => {
  for (const [name, content] of generatedFiles()) {
    const there = readFileSync(join(folder, name), 'utf8');
    t.ok(there === content, `config/${name} is up to date (else run: node src/config/generate.ts)`);
  }
  t.end();
});

t.test('every key is described, and the schema lets a variable through where a number is wanted', (t) => {
  const schema = JSON.parse(generatedFiles().get('sluice.schema.json') ?? '{}') as JsonSchema;
  const visit = (at: JsonSchema, path: string): void => {
    for (const [key, each] of Object.entries(at.properties ?? {})) {
      t.ok(each.description, `${path}.${key} has a description`);
      visit(each, `${path}.${key}`);
    }
    for (const each of at.anyOf ?? []) visit(each, path);
    if (at.items) visit(at.items, `${path}[]`);
    if (typeof at.additionalProperties === 'object') visit(at.additionalProperties, `${path}.NAME`);
  };
  visit(schema, '');
  const listeners = schema.properties?.['listeners']?.additionalProperties;
  const port = typeof listeners === 'object' ? listeners.properties?.['port'] : undefined;
  t.match(port?.anyOf, [
    { type: 'integer', minimum: 0, maximum: 65_535 },
    { type: 'string', pattern: '\\$\\{' },
  ]);
  t.end();
});

t.test('every example begins with the line for editors and loads without a warning', (t) => {
  const examples = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  t.ok(
    ['smallest.yaml', 'tls.yaml', 'sticky.yaml', 'bookstore.yaml'].every((name) => examples.includes(name)),
  );
  for (const name of examples) {
    const file = join(folder, name);
    t.equal(readFileSync(file, 'utf8').split('\n')[0], MODELINE, name);
    const result = loadConfig({ file }, { env: {}, wallMs: 0 });
    const found = result.ok ? result.warnings : result.diagnostics;
    t.strictSame(
      found,
      [],
      `${name}\n${renderDiagnostics(found, { colour: false, text: result.frameText })}`,
    );
  }
  t.end();
});

t.test('the bookstore example is what the demo needs', (t) => {
  const result = loadConfig({ file: join(folder, 'bookstore.yaml') }, { env: {}, wallMs: 0 });
  t.match(result, {
    ok: true,
    config: {
      listeners: [
        { name: 'http', port: 8080, redirectTo: 'https' },
        { name: 'https', port: 8443, tls: { certificates: ['local'] } },
      ],
      pools: [
        { name: 'books', servers: [{ id: '127.0.0.1:3001', weight: 1 }, { port: 3002 }, { port: 3003 }] },
      ],
      admin: { listen: { host: '127.0.0.1', port: 9900 } },
      store: { path: join(folder, '../data/demo') },
    },
  });
  t.end();
});
