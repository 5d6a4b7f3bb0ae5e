/**
 * The package that `npm pack` makes runs when it is installed: compiled JavaScript only, in an empty folder, through
 * the command that npm links. The registry is asked for the dependencies, out of npm's cache where it has them.
 */
import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { launch } from '../support/launched.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const run = promisify(execFile);
// Not below the checkout, whose node_modules would lend what the package forgot to ask for.
const folder = mkdtempSync(join(tmpdir(), 'sluice-package-'));
writeFileSync(join(folder, 'package.json'), '{ "name": "user", "private": true }');
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const installed = join(folder, 'node_modules', 'sluice');
const command = join(folder, 'node_modules', '.bin', 'sluice');

/** npm must not take settings of the checkout's own run for ours, nor measure its own coverage. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('npm_') && name !== 'NODE_V8_COVERAGE'),
);

const npm = (args: readonly string[], cwd: string) =>
  run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd, env: environment });

t.before(async () => {
  await npm(['pack', '--pack-destination', folder], ROOT);
  const [tarball] = globSync('*.tgz', { cwd: folder });
  // The bundled Node is for hosts with an old one; without it the install is 150 MB lighter.
  await npm(['install', '--prefer-offline', '--omit=optional', `./${tarball}`], folder);
});

t.test('holds JavaScript, examples and papers, and no source', async (t) => {
  const files = globSync('**/*', { cwd: installed });
  const has = (name: string): boolean => files.includes(name);
  for (const name of [
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'certs/README.md',
    'src/launch.mjs',
    'dist/main.js',
  ])
    t.ok(has(name), name);
  for (const name of ['smallest.yaml', 'bookstore.yaml', 'sluice.schema.json'])
    t.ok(has(`config/${name}`), name);
  t.same(
    files.filter((name) => name.endsWith('.ts') || name.startsWith('test') || name.startsWith('bench')),
    [],
  );
  const dangling = files
    .filter((name) => name.endsWith('.js'))
    .filter((name) =>
      /(?:from|import\(?|new URL\()\s*['"]\.[^'"]*\.ts['"]/.test(readFileSync(join(installed, name), 'utf8')),
    );
  t.same(dangling, [], 'nothing imports or starts a .ts file');
});

t.test('sluice version', async (t) => {
  const { stdout } = await run(command, ['version', '--json'], { cwd: folder, env: environment });
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  t.match(JSON.parse(stdout), { version });
});

t.test('sluice check on an example', async (t) => {
  const example = join(installed, 'config', 'smallest.yaml');
  await t.resolves(run(command, ['check', example], { cwd: folder, env: environment }), 'exit code 0');
  const bad = run(command, ['check', join(installed, 'package.json')], { cwd: folder, env: environment });
  await t.rejects(bad, { code: 2 }, 'a file that is no configuration: exit code 2');
});

t.test('sluice demo serves the bookstore, ends by itself and leaves only data/', async (t) => {
  const demo = launch(['demo', '--headless', '--duration', '3s', '--json'], {
    launcher: command,
    cwd: folder,
    environment: { NODE_V8_COVERAGE: '' },
  });
  const ready = JSON.parse(await demo.line('{')) as Ready;
  t.equal(ready.event, 'ready');
  t.ok(ready.servers.length >= 3, `${ready.servers.length} servers`);
  const books = await get(`${ready.proxy}/books?limit=2`);
  t.equal(books.status, 200);
  t.ok(ready.servers.length > 0 && books.body.startsWith('{'), books.body.slice(0, 200));
  const end = await demo.ended;
  t.same([end.code, end.signal], [0, null], end.stderr);
  t.type(JSON.parse(end.stdout.split('\n').at(-1) ?? ''), 'object', 'the last line is the summary');
  t.same(
    readdirSync(folder).filter((name) => !/^(node_modules|data|package.*\.json|.*\.tgz)$/.test(name)),
    [],
  );
  t.ok(existsSync(join(folder, 'data', 'demo')));
});

interface Ready {
  readonly event: string;
  readonly proxy: string;
  readonly servers: ReadonlyArray<{ readonly id: string; readonly pid: number }>;
}

function get(url: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((done, fail) => {
    // The demo's authority was made a second ago: what is tested is that it serves, not that we trust it.
    const outgoing = request(url, { rejectUnauthorized: false, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => done({ status: response.statusCode, body }));
    });
    outgoing.on('error', fail).end();
  });
}
