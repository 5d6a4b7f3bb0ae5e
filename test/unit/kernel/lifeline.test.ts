import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import t from 'tap';
import { lifelineSpawn, watchLifeline } from '../../../src/kernel/lifeline.ts';

const never = (test: { fail(message: string): unknown }) => () => {
  test.fail('nobody is gone');
};

t.test('without a usable descriptor nothing is watched, and the variable is removed', async (t) => {
  const file = openSync(import.meta.filename, 'r');
  for (const text of [undefined, '', 'x', '-1', '3.5', '1', '999999', '12345678', String(file)]) {
    const environment: NodeJS.ProcessEnv = text === undefined ? {} : { SLUICE_LIFELINE_FD: text };
    const lifeline = watchLifeline(never(t), environment);
    t.equal(lifeline.watched, false, `SLUICE_LIFELINE_FD=${text}`);
    t.same(environment, {});
    lifeline.close();
  }
});

t.test('spawn options carry a fourth pipe and its number', async (t) => {
  const options = lifelineSpawn(['ignore', 'inherit', 'pipe'], { A: '1' });
  t.same(options, { stdio: ['ignore', 'inherit', 'pipe', 'pipe'], env: { A: '1', SLUICE_LIFELINE_FD: '3' } });
});

/** A child that prints "watched", then "gone" when its life-line breaks, and ends by itself. */
const program = `
  import { watchLifeline } from ${JSON.stringify(import.meta.resolve('../../../src/kernel/lifeline.ts'))};
  const lifeline = watchLifeline(() => { console.log('gone'); clearInterval(busy); });
  const busy = setInterval(() => {}, 1000);
  console.log(lifeline.watched ? 'watched' : 'not watched', process.env.SLUICE_LIFELINE_FD);
  if (process.argv.includes('idle')) clearInterval(busy);
  if (process.argv.includes('close')) { lifeline.close(); clearInterval(busy); }
`;

function startChild(...args: string[]) {
  const nodeArgs = ['--input-type=module', '-e', program, '--', ...args];
  const child = spawn(process.execPath, nodeArgs, lifelineSpawn(['ignore', 'pipe', 'inherit']));
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return { child, ended: once(child, 'close').then(([code]) => ({ code, output })) };
}

t.test('the child hears that the parent’s end closed', async (t) => {
  const { child, ended } = startChild();
  await once(child.stdout as NodeJS.EventEmitter, 'data');
  (child.stdio[3] as import('node:net').Socket).destroy();
  t.same(await ended, { code: 0, output: 'watched undefined\ngone\n' });
});

t.test('watching keeps no process alive', async (t) => {
  t.same(await startChild('idle').ended, { code: 0, output: 'watched undefined\n' });
  t.same(await startChild('close').ended, { code: 0, output: 'watched undefined\n' });
});
