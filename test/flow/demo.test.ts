/** The demo from its first line to its last, and what it tells people to try. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Agent, request } from 'undici';
import { demoReady, QUIET_DEMO } from '../support/demo-process.ts';
import { component } from '../support/needs.ts';
import { isRunning } from '../support/processes.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

t.test('as shipped: https with the local certificate, http that redirects, traffic, a summary', async (t) => {
  const folder = t.testdir({});
  await using demo = new SluiceProcess([...QUIET_DEMO, '--duration', '3s', '--data', folder], {
    through: 'launcher',
  });
  const facts = await demoReady(demo);
  t.equal(demo.lines[0]?.['event'], 'ready', 'the first line');
  t.same(Object.keys(demo.lines[0] ?? {}).slice(0, 6), [
    'event',
    'proxy',
    'http',
    'admin',
    'token',
    'servers',
  ]);
  t.equal(facts.servers.length, 3);
  t.ok(facts.servers.every(({ pid }) => isRunning(pid)));

  const agent = new Agent({ connect: { ca: readFileSync(facts.ca, 'utf8') } });
  const books = await request(`${facts.proxy}/books?limit=2`, { dispatcher: agent });
  t.equal(books.statusCode, 200);
  t.match(await books.body.json(), { items: [{ title: String }, { title: String }] });
  const server = books.headers['x-server'];
  t.ok(
    facts.servers.some(({ address }) => address === server),
    `X-Server: ${server}`,
  );
  const redirect = await request(`${facts.http}/books`);
  t.match(redirect, { statusCode: 308, headers: { location: `${facts.proxy}/books` } });
  await redirect.body.dump();
  const snapshot = await request(`${facts.admin}/api/v1/snapshot`, {
    headers: { authorization: `Bearer ${facts.token}` },
  });
  t.match(await snapshot.body.json(), { life: 'ready', pools: [{ name: 'books', servers: [{}, {}, {}] }] });
  await agent.close();

  const { code, stdout, stderr } = await demo.ended;
  t.equal(code, 0, stderr);
  const lines = stdout.trimEnd().split('\n');
  t.ok(
    lines.every((line) => line.startsWith('{"event":')),
    'standard output carries events only',
  );
  const summary = JSON.parse(lines.at(-1) ?? '') as Record<string, number>;
  t.match(summary, { event: 'summary', failed: 0, cut: false });
  t.ok((summary['requests'] ?? 0) > 20, `${summary['requests']} requests`);
  t.equal(summary['ok'], summary['requests']);
  t.ok((summary['p99_ms'] ?? 0) >= (summary['p50_ms'] ?? 0));
  for (const line of stderr.trimEnd().split('\n'))
    t.match(JSON.parse(line), { level: String }, 'the log is there');
  t.ok(facts.servers.every(({ pid }) => !isRunning(pid)));
  t.same(
    readdirSync(folder).filter((name) => !name.startsWith('bookstore.db')),
    ['access.log', 'admin.token', 'certs', 'secrets', 'start.lock'],
  );
  t.ok(statSync(join(folder, 'access.log')).size > 0);
  t.equal(statSync(join(folder, 'admin.token')).mode & 0o777, 0o600);
});

t.test('the curl lines work as they are printed', { skip: component('curl') }, async (t) => {
  const folder = t.testdir({ 'a b': {} });
  const data = join(folder, 'a b');
  await using demo = new SluiceProcess(
    ['demo', '--headless', '--duration', '60s', '--servers', '2', '--data', data],
    {
      cwd: folder,
    },
  );
  // Text, not events: the last command stands above this line.
  while (demo.child.exitCode === null && !demo.text.includes('Ctrl-C ends everything'))
    await once(demo.child.stdout ?? demo.child, 'data');
  const commands = demo.text.split('\n').filter((line) => /^ +curl /.test(line));
  t.equal(commands.length, 3);
  for (const command of commands) {
    const shell = spawn('sh', ['-c', command], { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    shell.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    const [code] = await once(shell, 'close');
    t.equal(code, 0, command);
    t.match(stdout, /HTTP\/(1\.1 200 OK|2 200)[\s\S]*"title"|"servers":|"draining":true/);
  }
  t.ok(existsSync(join(data, 'admin.token')));
});
