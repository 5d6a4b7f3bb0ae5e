import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { reportFailure, wantsColour } from '../../../src/cli/index.ts';
import { generatedFiles } from '../../../src/config/generate.ts';
import { SluiceError } from '../../../src/kernel/errors.ts';
import { FakeContext, FakeOutput, sluice } from '../../support/cli-context.ts';

const PACKAGE = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const EXAMPLE = new URL('../../../config/smallest.yaml', import.meta.url).pathname;

t.test('help for every verb, on standard output, code 0', async (t) => {
  const top = await sluice(['--help']);
  t.equal(top.code, 0);
  t.equal(top.stderr, '');
  const verbs = [
    ['run'],
    ['demo'],
    ['check'],
    ['config', 'show'],
    ['config', 'schema'],
    ['route', 'test'],
    ['cert', 'make'],
    ['hash', 'password'],
    ['hash', 'key'],
    ['status'],
    ['reload'],
    ['health'],
    ['version'],
  ];
  for (const verb of verbs) {
    t.match(top.stdout, new RegExp(`^  ${verb[0]}\\b`, 'm'), `--help names ${verb[0]}`);
    const { code, stdout, stderr } = await sluice([...verb, '--help']);
    t.equal(code, 0, verb.join(' '));
    t.match(stdout, `Usage: sluice ${verb.join(' ')}`);
    t.equal(stderr, '');
    t.match((await sluice(['help', verb[0] ?? ''])).code, 0);
  }
});

t.test('wrong usage: code 2, and what was meant', async (t) => {
  const rows: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [['chekc'], /unknown verb "chekc"[\s\S]*Did you mean "check"\?/],
    [['staus'], /Did you mean "status"\?/],
    [['xyzzy'], /unknown verb "xyzzy"[\s\S]*Verbs: run, demo, check/],
    [['run', '--confg', 'x'], /unknown option '--confg'[\s\S]*--config/],
    [['config'], /show/],
    [['config', 'shwo'], /unknown command 'shwo'[\s\S]*show/],
    [['route', 'test', 'GET'], /missing required argument 'url'/],
    [['check', 'a', 'b'], /too many arguments/],
    [['check', '--format', 'xml'], /Allowed choices are text, json/],
    [['cert', 'make'], /missing required argument/],
    [['demo', '--port', '99999'], /whole number from 0 to 65535/],
    [['demo', '--servers', '0'], /whole number from 1 to 50/],
    [['demo', '--duration', '30'], /30 has no unit. Write 30s/],
    [['run', '--listen', ':8080'], /--listen needs at least one --server/],
    [['--server', ':3001'], /--server needs --listen/],
    [['run', '-c', 'x.yaml', '--listen', ':1', '--server', ':2'], /do not go together/],
    [['health', '--admin', 'foo'], /"foo" is not a URL/],
    [['route', 'test', 'G T', '/x', '-c', EXAMPLE], /"G T" is not a method/],
    [['route', 'test', 'GET', 'x', '-c', EXAMPLE], /"x" is not a URL/],
    [['route', 'test', 'GET', '/x', '-c', EXAMPLE, '-H', 'nope'], /"nope" is not a header/],
    [['route', 'test', 'GET', '/x', '-c', EXAMPLE, '--client', '1.2.3'], /"1.2.3" is not an IP address/],
  ];
  for (const [args, says] of rows) {
    const { code, stdout, stderr } = await sluice(args);
    t.equal(code, 2, args.join(' '));
    t.match(stderr, says);
    t.equal(stdout, '');
    t.notMatch(stderr, /at .*\.ts:\d+/, 'no stack');
  }
});

t.test('without a configuration it says where it looked and what can be done', async (t) => {
  const context = new FakeContext(t.testdir({}));
  const { code, stderr } = await sluice([], context);
  t.equal(code, 2);
  t.match(stderr, /there is no configuration[\s\S]*sluice\.yaml[\s\S]*--config FILE[\s\S]*--listen :8080/);
});

t.test('version', async (t) => {
  t.match((await sluice(['version'])).stdout, new RegExp(`^sluice ${PACKAGE.version} \\(Node `));
  const facts: unknown = JSON.parse((await sluice(['version', '--json'])).stdout);
  t.match(facts, { version: PACKAGE.version, node: process.versions.node, platform: process.platform });
});

t.test('a Node with known holes is named by version and check, and both do their work', async (t) => {
  const context = (nodeVersion: string) => Object.assign(new FakeContext(t.testdir({})), { nodeVersion });
  t.match(
    (await sluice(['version'], context('26.5.0'))).stdout,
    /\nwarning: Node 26\.5\.0 has known holes .* Install Node 26\.5\.1 or newer/,
  );
  t.match(JSON.parse((await sluice(['version', '--json'], context('26.5.0'))).stdout), {
    warning: /26\.5\.1/,
  });
  t.match(JSON.parse((await sluice(['version', '--json'], context('26.5.1'))).stdout), { warning: null });
  const checked = await sluice(['check', EXAMPLE], context('25.9.0'));
  t.equal(checked.code, 0, 'the file can be used');
  t.match(checked.stdout, /^node warning Node 25\.9\.0 has known holes/);
  t.match(checked.stdout, /0 errors, 1 warning\./);
  const report = JSON.parse((await sluice(['check', EXAMPLE, '--format', 'json'], context('25.9.0'))).stdout);
  t.match(report, { ok: true, warnings: 1, diagnostics: [{ file: 'node', severity: 'warning' }] });
  t.match((await sluice(['check', EXAMPLE], context('26.5.1'))).stdout, /0 errors, 0 warnings\./);
});

t.test('config schema prints the schema that the file is held to', async (t) => {
  const { code, stdout } = await sluice(['config', 'schema']);
  t.equal(code, 0);
  t.equal(stdout, generatedFiles().get('sluice.schema.json'));
});

t.test('config show prints defaults and lines; a bad file is refused', async (t) => {
  const { code, stdout } = await sluice(['config', 'show', EXAMPLE]);
  t.equal(code, 0);
  t.match(stdout, /algorithm: peak_ewma # default/);
  t.match(stdout, /address: 127\.0\.0\.1:3001 # line \d/);
  const folder = t.testdir({ 'bad.yaml': 'listen: ":8080"\n' });
  const bad = await sluice(['config', 'show', join(folder, 'bad.yaml')]);
  t.match(bad, { code: 2, stdout: '', stderr: /needs servers[\s\S]*1 error, 0 warnings/ });
});

t.test('the file is found, named or by the environment', async (t) => {
  const folder = t.testdir({ 'sluice.yaml': 'listen: ":0"\nservers: [":1"]\n' });
  const here = new FakeContext(folder);
  const before = process.cwd();
  t.teardown(() => process.chdir(before));
  process.chdir(folder);
  t.match(await sluice(['check'], here), {
    code: 0,
    stdout: /0 errors, 0 warnings\. .*sluice\.yaml can be used/,
  });
  const named = new FakeContext('/');
  named.env = { SLUICE_CONFIG: join(folder, 'sluice.yaml') };
  t.equal((await sluice(['check'], named)).code, 0);
  named.env = { SLUICE_CONFIG: join(folder, 'missing.yaml') };
  t.match(await sluice(['check'], named), { code: 2, stdout: /does not exist/ });
});

t.test('check: warnings are shown and do not fail', async (t) => {
  const text = `listeners: { a: { port: 0 } }
routes: [{ name: all, pool: w }, { name: late, match: { path: /x }, respond: 404 }]
pools: { w: { servers: [":1"] } }
`;
  const file = join(t.testdir({ 'x.yaml': text }), 'x.yaml');
  t.match(await sluice(['check', file]), { code: 0, stdout: /can never match[\s\S]*0 errors, 1 warning\./ });
  const report: unknown = JSON.parse((await sluice(['check', file, '--format', 'json'])).stdout);
  t.match(report, { ok: true, errors: 0, warnings: 1, diagnostics: [{ severity: 'warning', line: 2 }] });
});

t.test('colour: a terminal has it, unless somebody says otherwise', (t) => {
  const rows: readonly (readonly [env: Record<string, string>, isTerminal: boolean, wanted: boolean])[] = [
    [{}, true, true],
    [{}, false, false],
    [{ TERM: 'dumb' }, true, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  ];
  for (const [env, isTerminal, wanted] of rows)
    t.equal(wantsColour(env, isTerminal), wanted, JSON.stringify({ env, isTerminal }));
  t.end();
});

t.test('a failure of the user shows what to do, one of ours its stack', (t) => {
  const known = new FakeOutput();
  known.hasColour = true;
  t.equal(reportFailure(new SluiceError('x', 'no such thing', { hint: 'look\nthere' }), known), 1);
  t.equal(known.text, '\u001b[31merror:\u001b[39m no such thing\n       look\n       there\n');
  const ours = new FakeOutput();
  t.equal(reportFailure(new TypeError('oops'), ours), 1);
  t.match(ours.text, /error: TypeError: oops\n +at /);
  const odd = new FakeOutput();
  t.equal(reportFailure('text', odd), 1);
  t.equal(odd.text, 'error: text\n');
  t.end();
});
