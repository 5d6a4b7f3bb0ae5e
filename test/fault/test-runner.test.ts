/** The runner notices what a test file does wrong: a crash, a hang, nothing asserted, a process left behind. */
import { join } from 'node:path';
import t from 'tap';
import { isRunning, runningInGroup } from '../support/processes.ts';
import { RunningGroups, runFile } from '../support/run-file.ts';

const spawnSleeper = `
   const child = (await import('node:child_process')).spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
   child.unref(); console.log('sleeper ' + child.pid);`;

const folder = t.testdir({
  'good.mjs': `console.log('ok 1 - fine'); console.log('1..1');`,
  'failing.mjs': `console.log('not ok 1 - wrong'); process.exitCode = 1;`,
  'crash.mjs': `console.log('ok 1 - fine'); console.error('why it crashed'); process.exit(7);`,
  'killed.mjs': `console.log('ok 1 - fine'); process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);`,
  'nothing.mjs': `console.log('no assertion');`,
  'hang.mjs': `console.log('ok 1 - fine'); ${spawnSleeper} setInterval(() => {}, 1000);`,
  'leftover.mjs': `console.log('ok 1 - fine'); ${spawnSleeper}`,
});

const run = (name: string, timeoutMs = 60_000, running = new RunningGroups()) => {
  const options = { root: folder, timeoutMs, environment: process.env, coverageFolder: undefined };
  return runFile(join(folder, name), options, running);
};

t.test('a good file has no problem, a failing one its failures only', async (t) => {
  t.match(await run('good.mjs'), { counts: { passed: 1, failed: 0 }, problems: [] });
  t.match(await run('failing.mjs'), { counts: { passed: 0, failed: 1 }, problems: [] });
});

t.test('a crash, a kill and silence are problems', async (t) => {
  t.match(await run('crash.mjs'), {
    counts: { passed: 1 },
    problems: ['ended with exit code 7 though no assertion failed'],
    output: /why it crashed/,
  });
  t.match(await run('killed.mjs'), { problems: ['ended by SIGKILL'] });
  t.match(await run('nothing.mjs'), { problems: ['ran no assertion'], output: /no assertion/ });
  t.match(await run('missing.mjs'), { problems: [/^ended with exit code 1/] });
});

t.test('a file that hangs is ended with all that it started', async (t) => {
  const { problems, output } = await run('hang.mjs', 2000);
  t.same(problems, ['did not end within 2 s and was killed']);
  const sleeper = Number(/sleeper (\d+)/.exec(output)?.[1]);
  t.ok(sleeper > 0);
  t.equal(isRunning(sleeper), false);
});

t.test('a process left behind is named and ended', async (t) => {
  const { problems, output } = await run('leftover.mjs');
  const sleeper = Number(/sleeper (\d+)/.exec(output)?.[1]);
  t.equal(problems.length, 1);
  t.match(
    problems[0],
    new RegExp(`^left behind 3 s after its end, and killed now: ${sleeper} .*setInterval`),
  );
  t.equal(isRunning(sleeper), false);
});

t.test('the runner’s end is the end of what it runs', async (t) => {
  const running = new RunningGroups();
  const result = run('hang.mjs', 60_000, running);
  running.killAll();
  t.match(await result, { problems: ['ended by SIGKILL'] });
});

t.test('a process that runs is seen, one that does not is not', async (t) => {
  t.equal(isRunning(process.pid), true);
  t.equal(isRunning(2 ** 22 + 1), false);
  t.same(runningInGroup(2 ** 22 + 1), []);
});
