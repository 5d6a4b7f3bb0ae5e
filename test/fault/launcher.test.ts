/** The launcher behaves as if it were the program: exit codes, signals, and nobody outlives a kill -9. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { NODE_FLAGS } from '../../src/launch.mjs';
import { type Launched, launch, launcherNodes } from '../support/launched.ts';
import { isRunning } from '../support/processes.ts';

/** How long anything of Sluice may live after its launcher or main was killed. */
const GONE_WITHIN_MS = 2000;

const LIFELINE = import.meta.resolve('../../src/kernel/lifeline.ts');

/** A program like main: it has a server process of its own, both with a life-line, and it echoes signals. */
const programs = t.testdir({
  'exit.mjs': 'process.exit(Number(process.argv[2]));',
  'kill-self.mjs': 'process.kill(process.pid, process.argv[2]); setInterval(() => {}, 1000);',
  'about.mjs': `console.log(JSON.stringify({ version: process.version, flags: process.execArgv, args: process.argv.slice(2),
    node: process.env.PATH.split(':')[0] + '/node', execPath: process.execPath }));`,
  'signals.mjs': `
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) process.on(name, () => console.log('got', name));
    process.on('message', () => {});
    const busy = setInterval(() => {}, 1000);
    process.on('SIGWINCH', () => process.exit(9));
    console.log('ready', process.pid);`,
  'main.mjs': `
    import { spawn } from 'node:child_process';
    import { lifelineSpawn, watchLifeline } from ${JSON.stringify(LIFELINE)};
    watchLifeline(() => process.exit(1));
    const server = spawn(process.execPath, [${JSON.stringify('server.mjs')}], { cwd: import.meta.dirname, ...lifelineSpawn(['ignore', 'inherit', 'inherit']) });
    server.on('spawn', () => console.log('main', process.pid));
    setInterval(() => {}, 1000);`,
  'server.mjs': `
    import { watchLifeline } from ${JSON.stringify(LIFELINE)};
    watchLifeline(() => process.exit(1));
    console.log('server', process.pid);
    setInterval(() => {}, 1000);`,
});
const program = (name: string): string => join(programs, name);

const pidOf = (line: string): number => Number(line.split(' ')[1]);

for (const node of launcherNodes()) {
  t.test(`started by ${node}`, async (t) => {
    t.test('runs the program with a Node that is new enough, arguments untouched', async (t) => {
      const args = ['--flag', 'two words', '', '--exec'];
      const { code, stdout } = await launch(['--exec', program('about.mjs'), ...args], { node }).ended;
      const about = JSON.parse(stdout);
      t.equal(code, 0);
      t.same(about.args, args);
      t.ok(Number(about.version.slice(1).split('.')[0]) >= 24, about.version);
      t.same(about.flags, NODE_FLAGS);
      t.equal(about.node, about.execPath, '`node` on PATH is the same one');
    });

    t.test('hands back the exit code', async (t) => {
      for (const expected of [0, 1, 2, 3, 42, 255]) {
        const { code, signal } = await launch(['--exec', program('exit.mjs'), String(expected)], { node })
          .ended;
        t.same([code, signal], [expected, null]);
      }
    });

    t.test('ends by the signal that ended the program', async (t) => {
      for (const expected of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL', 'SIGABRT']) {
        const { code, signal } = await launch(['--exec', program('kill-self.mjs'), expected], { node }).ended;
        t.same([code, signal], [null, expected]);
      }
    });

    t.test('passes every signal on, and opens no debugger on SIGUSR1', async (t) => {
      const launched = launch(['--exec', program('signals.mjs')], { node });
      const pid = pidOf(await launched.line('ready'));
      launched.child.kill('SIGUSR1');
      process.kill(pid, 'SIGUSR1');
      for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const) {
        launched.child.kill(name);
        t.equal(await launched.line(`got ${name}`), `got ${name}`);
      }
      process.kill(pid, 'SIGWINCH');
      const { code, stderr } = await launched.ended;
      t.equal(code, 9);
      t.notMatch(stderr, /debugger/i);
    });

    t.test('kill -9 of the launcher: every process is gone', async (t) => {
      const launched = launch(['--exec', program('main.mjs')], { node });
      await killAndMeasure(t, launched, async () => launched.pid);
      const { signal } = await launched.ended;
      t.equal(signal, 'SIGKILL');
    });

    t.test('kill -9 of main: every process is gone, and the launcher says how', async (t) => {
      const launched = launch(['--exec', program('main.mjs')], { node });
      await killAndMeasure(t, launched, async () => pidOf(await launched.line('main')));
      const { code, signal } = await launched.ended;
      t.same([code, signal], [null, 'SIGKILL']);
    });

    t.test('says what is wrong when there is nothing to run', async (t) => {
      const none = await launch(['--exec'], { node }).ended;
      t.match(none, { code: 1, stdout: '', stderr: /--exec needs a file/ });
      const missing = await launch(['--exec', program('missing.mjs')], { node }).ended;
      t.match(missing, { code: 1, stdout: '', stderr: /missing\.mjs does not exist/ });
      const environment = { SLUICE_NODE: '/nowhere/node' };
      const noNode = await launch(['--exec', program('exit.mjs'), '0'], { node, environment }).ended;
      t.match(noNode, { code: 1, stdout: '', stderr: /cannot start \/nowhere\/node/ });
    });
  });
}

/**
 * Kills one process once all run. All three hold the launcher's stdout, so its end is the end of the last of them.
 */
async function killAndMeasure(t: Asserts, launched: Launched, victim: () => Promise<number>): Promise<void> {
  await launched.line('server');
  await launched.line('main');
  const pids = [launched.pid, pidOf(await launched.line('main')), pidOf(await launched.line('server'))];
  const killedAt = performance.now();
  process.kill(await victim(), 'SIGKILL');
  await launched.ended;
  // A process closes its descriptors shortly before it is gone.
  while (pids.some(isRunning) && performance.now() - killedAt < GONE_WITHIN_MS) await nextTurn();
  const tookMs = performance.now() - killedAt;
  t.same(pids.filter(isRunning), [], 'nobody is left');
  t.ok(tookMs < GONE_WITHIN_MS, `all gone after ${tookMs.toFixed(0)} ms`);
}

/** What the function above uses of a tap test. */
interface Asserts {
  ok(value: unknown, message: string): unknown;
  same(found: unknown, wanted: unknown, message: string): unknown;
}

t.test('a port that the program held is free again after kill -9 of the launcher', async (t) => {
  const holder = join(
    t.testdir({
      'listen.mjs': `
        import { createServer } from 'node:net';
        import { watchLifeline } from ${JSON.stringify(LIFELINE)};
        watchLifeline(() => process.exit(1));
        const server = createServer().listen(0, '127.0.0.1', () => console.log('port', server.address().port));`,
    }),
    'listen.mjs',
  );
  const launched = launch(['--exec', holder]);
  const port = pidOf(await launched.line('port'));
  launched.child.kill('SIGKILL');
  await launched.ended;
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.close();
  t.pass('the same port could be bound');
});
