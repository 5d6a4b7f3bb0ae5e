/**
 * The documentation says what is so. In README.md and the guides
 * - every YAML block is a file that passes `check` as it stands (certificates and tokens that it names are made first);
 * - `sh run` blocks are run in a folder where sluice.yaml is the YAML block before them; `sh demo` blocks are run against
 *   a running demo, with the ports that it found in place of the usual ones; plain `sh` blocks are not run;
 * - tables of reasons, commands, requests, metrics, log keys and defaults are compared with the program's own lists.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { loadConfig, renderDiagnostics } from '../../src/config/index.ts';
import { type JsonSchema, makeJsonSchema } from '../../src/config/json-schema.ts';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { REASON_NAMES, REASONS } from '../../src/kernel/reason.ts';
import { makeCertificate } from '../../src/tls/index.ts';
import { sluice } from '../support/cli-context.ts';
import { LAUNCHER, type Launched, launch } from '../support/launched.ts';
import { anchorsOf, type Block, blocksOf, codeOf, linksOf, rowsOf, sectionOf } from '../support/markdown.ts';
import { component } from '../support/needs.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const README = text('README.md');
const REFERENCE = text('config/REFERENCE.md');
const PAGES = ['README.md', ...globSync('config/guides/*.md', { cwd: ROOT }).sort()];
/** Of the password `secret-of-ann`. */
const HASH = '$scrypt$ln=15,r=8,p=3$BIRC+a1XWH0sGpvEjJi4zA$e6lOOlGKsCAH6L48W+3P4/xsHfeWF8gaNaGZHaueA4U';
const ENV = {
  HASH_OF_ANN: HASH,
  ACME_KEY: 'another-key-for-the-documentation',
  TOKEN_SECRET: 'a-secret-for-the-tokens-of-the-documentation',
  SLUICE_ADMIN_TOKEN: 'a-token-for-the-documentation',
  DEPLOY_TOKEN: 'another-token-of-that-kind',
  REDIS_PASSWORD: 'a-password-for-the-documentation',
};

/** A folder as a reader has one: the checkout's sources, `sluice` as a command, the files that examples name. */
async function workspace(folder: string): Promise<{ folder: string; env: NodeJS.ProcessEnv }> {
  const certs = join(folder, 'certs');
  const bin = join(folder, 'bin');
  for (const path of [certs, bin]) mkdirSync(path, { recursive: true });
  await makeCertificate(
    { names: ['shop.example.com'], directory: certs, name: 'shop' },
    { clock: systemClock },
  );
  copyFileSync(join(certs, 'local-ca.crt'), join(certs, 'internal-ca.crt'));
  writeFileSync(join(certs, 'prometheus.token'), 'a-third-token-for-the-documentation\n');
  const pages = join(folder, 'pages');
  mkdirSync(pages, { recursive: true });
  for (const name of ['404.html', '502.html', 'closed.html', 'robots.txt'])
    writeFileSync(join(pages, name), `${name}\n`);
  writeFileSync(join(certs, 'staff.users'), `bob:${HASH}\n`);
  writeFileSync(join(certs, 'acme.key'), 'a-key-for-the-documentation\n');
  writeFileSync(join(bin, 'sluice'), `#!/bin/sh\nexec node '${LAUNCHER}' "$@"\n`, { mode: 0o755 });
  const path = [bin, dirname(process.execPath), process.env['PATH']].join(delimiter);
  return { folder, env: { ...process.env, ...ENV, PATH: path } };
}

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

async function runShell(script: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Ran> {
  const shell = spawn('sh', ['-eu', '-c', script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  const [code] = (await once(shell, 'close')) as [number | null];
  // The end of it says why.
  return { code, output: output.slice(-2000) };
}

/** The file that a reader has in hand at this block: the YAML before it. */
function fileBefore(blocks: readonly Block[], block: Block): string | undefined {
  return blocks.filter((it) => it.language === 'yaml' && it.line < block.line).at(-1)?.text;
}

const fixture = () => ({
  src: t.fixture('symlink', join(ROOT, 'src')),
  config: t.fixture('symlink', join(ROOT, 'config')),
  'package.json': t.fixture('symlink', join(ROOT, 'package.json')),
});

t.test('every YAML block passes check', async (t) => {
  const { folder } = await workspace(t.testdir(fixture()));
  for (const page of PAGES) {
    for (const block of blocksOf(text(page)).filter((it) => it.language === 'yaml')) {
      const file = join(folder, 'block.yaml');
      writeFileSync(file, block.text);
      const loaded = loadConfig({ file }, { env: ENV, wallMs: systemClock.wallMs() });
      const findings = loaded.ok ? loaded.warnings : loaded.diagnostics;
      t.same(findings.length, 0, `${page}:${block.line}`, {
        findings: renderDiagnostics(findings, { colour: false, text: loaded.frameText }),
      });
    }
  }
});

t.test('every shell block that can be run works', async (t) => {
  const { folder, env } = await workspace(t.testdir(fixture()));
  let count = 0;
  for (const page of PAGES) {
    const blocks = blocksOf(text(page));
    for (const block of blocks.filter(({ language }) => language === 'sh')) {
      t.match(block.mark, /^(?:run|demo|)$/, `${page}:${block.line} has a known mark`);
      if (block.mark !== 'run') continue;
      const file = fileBefore(blocks, block);
      if (file !== undefined) writeFileSync(join(folder, 'sluice.yaml'), file);
      const { code, output } = await runShell(block.text, folder, env);
      t.equal(code, 0, `${page}:${block.line}`, { script: block.text, output });
      count++;
    }
  }
  t.ok(count >= 6, `${count} blocks were run`);
});

interface Ready {
  readonly proxy: string;
  readonly admin: string;
  readonly token: string;
  readonly servers: readonly { readonly address: string }[];
}

/** The block with this run's addresses in place of the usual ones. */
function placed(script: string, ready: Ready): string {
  return ready.servers
    .map(({ address }, index): [string, string] => [`127.0.0.1:300${index + 1}`, address])
    .concat([
      ['https://localhost:8443', ready.proxy],
      ['http://127.0.0.1:9900', ready.admin],
    ])
    .reduce((before, [usual, real]) => before.replaceAll(usual, real), script);
}

const get = async ({ admin, token }: Ready, path: string): Promise<string> => {
  const answer = await fetch(`${admin}${path}`, { headers: { authorization: `Bearer ${token}` } });
  return answer.text();
};

t.test('with a running demo', { skip: component('curl') }, async (t) => {
  const { folder, env } = await workspace(t.testdir(fixture()));
  const data = join(folder, 'data', 'demo');
  const args = ['demo', '--headless', '--json', '--duration', '100s', '--port', '0', '--data', data];
  const demo: Launched = launch(args, { environment: env, cwd: folder });
  t.teardown(async () => {
    demo.child.kill('SIGTERM');
    await demo.ended;
  });
  const ready = JSON.parse(await demo.line('{"event":"ready"')) as Ready;

  await t.test('the shell blocks work', async (t) => {
    const blocks = PAGES.flatMap((page) => blocksOf(text(page)).map((block) => ({ page, block })));
    const runnable = blocks.filter(({ block }) => block.language === 'sh' && block.mark === 'demo');
    for (const { page, block } of runnable) {
      const script = placed(block.text, ready);
      const { code, output } = await runShell(script, folder, env);
      t.equal(code, 0, `${page}:${block.line}`, { script, output });
      t.notMatch(output, /"type":"about:blank"/, 'nothing was refused at its end');
    }
    t.ok(runnable.length >= 4, `${runnable.length} blocks were run`);
  });

  await t.test('every request of the admin API is in its table, and no other', async (t) => {
    const { paths } = JSON.parse(await get(ready, '/api/v1/openapi.json')) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const real = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const documented = rowsOf(sectionOf(README, 'Admin API')).flatMap(([first = '']) => codeOf(first));
    t.same(documented.sort(), real.sort());
  });

  await t.test('every metric is in the table, and no other', async (t) => {
    const metrics = await get(ready, '/metrics');
    const real = [...metrics.matchAll(/^# HELP (sluice_\S+)/gm)].map((match) => match[1]);
    const documented = rowsOf(sectionOf(README, 'Metrics')).flatMap(([first = '']) => codeOf(first));
    t.ok(real.length > 20);
    t.same(documented.sort(), real.sort());
  });

  await t.test('every key of an access-log line is in its table, and no other', async (t) => {
    // The demo's own traffic names no agent; the block with curl has been run by now.
    const file = join(data, 'access.log');
    const byCurl = () =>
      text(relative(ROOT, file))
        .split('\n')
        .find((line) => line.includes('"curl/'));
    const endMs = systemClock.nowMs() + 10_000;
    while (byCurl() === undefined && systemClock.nowMs() < endMs) await delay(systemClock, 20);
    const section = sectionOf(README, 'Logs');
    const documented = rowsOf(section).flatMap(([first = '']) => codeOf(first));
    t.same(documented, keysIn(byCurl() ?? '{}'), 'in the order of the line');
    t.same(keysIn(blocksOf(section)[0]?.text ?? '{}'), documented, 'the line that is shown has them all');
  });
});

const keysIn = (line: string): string[] => Object.keys(JSON.parse(line) as object);

t.test('every reason is in its table with its status', async (t) => {
  const rows = rowsOf(sectionOf(README, 'Reasons'));
  const documented = rows.map(([name = '']) => codeOf(name)[0]);
  t.same([...documented].sort(), [...REASON_NAMES].sort());
  for (const reason of REASON_NAMES) {
    const { status } = REASONS[reason];
    const row = rows.find(([name]) => name === `\`${reason}\``);
    if (status > 0) t.equal(row?.[1], String(status), reason);
    t.ok((row?.[2] ?? '').length > 5, `${reason} is explained`);
  }
});

/** Every key of the schema with the title of its section in REFERENCE.md, such as `routes[].match` and `host`. */
function keysOf(schema: JsonSchema, section = ''): { section: string; key: string }[] {
  const within = (key: string): string => (section === '' ? key : `${section}.${key}`);
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => [
      { section, key },
      ...keysOf(value, within(key)),
    ]),
    ...(schema.anyOf ?? []).flatMap((each) => keysOf(each, section)),
    ...(schema.items ? keysOf(schema.items, `${section}[]`) : []),
    ...(typeof schema.additionalProperties === 'object'
      ? keysOf(schema.additionalProperties, `${section}.NAME`)
      : []),
  ];
}

/** The rows of REFERENCE.md by section; the three kinds of health check are one. */
function referenceRows(): Map<string, string[][]> {
  const sections = new Map<string, string[][]>();
  for (const part of REFERENCE.split(/^## /m).slice(1)) {
    const title = (part.split('\n')[0] ?? '').replaceAll('`', '').replace(/ \(type: .*\)$/, '');
    const name = title === 'Top level' || title === 'The one-pool form' ? '' : title;
    sections.set(name, [...(sections.get(name) ?? []), ...rowsOf(part)]);
  }
  return sections;
}

t.test('every key is in the reference and on the one page', async (t) => {
  const rows = referenceRows();
  const isOnePool = new Set(['listen', 'servers', 'tls', 'algorithm', 'sticky', 'health', 'rate_limit']);
  const page = sectionOf(README, 'The file on one page');
  const keys = keysOf(makeJsonSchema());
  t.ok(keys.length > 100, `${keys.length} keys`);
  for (const { section, key } of keys) {
    // Short forms of the one-pool form stand for the long ones, which have their own sections.
    if (isOnePool.has(section.split(/[.[]/)[0] ?? '')) continue;
    // What may stand alone or in a list has one section.
    const found = rows.get(section) ?? rows.get(section.replace(/\[\]$/, ''));
    const row = found?.find(([name]) => name === `\`${key}\``);
    t.ok((row?.[3] ?? '').length > 5, `${section === '' ? 'top level' : section}: ${key}`);
    if (section === '' && isOnePool.has(key)) continue;
    t.match(page, new RegExp(`(?<![\\w-])${key}:`), `${key} on the one page`);
  }
  const sixLines = blocksOf(sectionOf(README, 'Your own services'))[0];
  t.equal(sixLines?.language, 'yaml');
  t.equal(sixLines?.text.trimEnd().split('\n').length, 6);
});

t.test('the defaults are those of the reference', async (t) => {
  const rows = referenceRows();
  const documented = rowsOf(sectionOf(README, 'Limits and defaults'));
  t.ok(documented.length > 10);
  for (const [path = '', value] of documented) {
    const [, section = '', key = ''] = /^`(.+)\.(\w+)`$/.exec(path) ?? [];
    const row = rows.get(section)?.find(([name]) => name === `\`${key}\``);
    t.equal(value, row?.[2], path);
  }
});

t.test('every command is in its table, and no other', async (t) => {
  const real: string[] = [];
  const verbs = async (path: readonly string[]): Promise<void> => {
    const { stdout } = await sluice([...path, '--help']);
    const list = /^Commands:\n((?: +\S.*\n)+)/m.exec(stdout)?.[1];
    if (list === undefined) {
      real.push(path.join(' '));
      return;
    }
    const names = [...list.matchAll(/^ {2}(\w+)/gm)].map((match) => match[1] ?? '');
    for (const name of names) if (name !== 'help') await verbs([...path, name]);
  };
  await verbs([]);
  const documented = rowsOf(sectionOf(README, 'Commands')).map(([first = '']) => codeOf(first)[0] ?? '');
  t.ok(real.length > 8);
  for (const path of real)
    t.ok(
      documented.some((it) => `${it} `.startsWith(`sluice ${path} `)),
      `sluice ${path}`,
    );
  t.equal(documented.length, real.length);
});

t.test('every field that means something to a proxy is in the tables of fields', async (t) => {
  const names = [...text('src/http/names.ts').matchAll(/^ {2}\['([a-z0-9-]+)', [A-Z_]+\]/gm)].map(
    (it) => it[1] ?? '',
  );
  t.ok(names.length >= 20, `${names.length} names`);
  const section = sectionOf(README, 'Fields that are dropped, changed or added').toLowerCase();
  for (const name of names) t.ok(section.includes(`\`${name}\``), name);
});

t.test('links lead somewhere', async (t) => {
  for (const page of [...PAGES, 'CHANGELOG.md', 'certs/README.md', 'bench/README.md']) {
    for (const link of linksOf(text(page)).filter((it) => !/^[a-z]+:/.test(it))) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      t.ok(existsSync(join(ROOT, target)), `${page}: ${link}`);
      if (anchor !== undefined) t.ok(anchorsOf(text(target)).has(anchor), `${page}: ${link}`);
    }
  }
});

t.test('the package brings the guides', async (t) => {
  const { files } = JSON.parse(text('package.json')) as { files: string[] };
  t.ok(files.includes('config'), 'guides lie under config/; README.md is always packed');
});
