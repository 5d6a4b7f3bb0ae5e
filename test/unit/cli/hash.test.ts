import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { readSecret } from '../../../src/cli/index.ts';
import { isPassword, parsePasswordHash } from '../../../src/kernel/password-hash.ts';
import { FakeContext, sluice } from '../../support/cli-context.ts';

t.test('of a password', async (t) => {
  const context = new FakeContext();
  context.input = 'correct horse\n';
  const { code, stdout, stderr } = await sluice(['hash', 'password'], context);
  t.equal(code, 0);
  t.equal(stderr, '');
  const parsed = parsePasswordHash(stdout.trim());
  t.ok(parsed && (await isPassword(Buffer.from('correct horse'), parsed)));
  const again = new FakeContext();
  again.input = 'short';
  const second = await sluice(['hash', 'password'], again);
  t.match(second.stderr, /fewer than 8/);
  t.not(second.stdout, stdout);
});

t.test('of nothing', async (t) => {
  for (const input of ['', '\n']) {
    const context = new FakeContext();
    context.input = input;
    const { code, stdout, stderr } = await sluice(['hash', 'password'], context);
    t.equal(code, 2);
    t.equal(stdout, '');
    t.match(stderr, /nothing came/);
  }
});

t.test('of a key', async (t) => {
  const context = new FakeContext();
  context.input = 'some-long-key';
  const { stdout } = await sluice(['hash', 'key'], context);
  t.equal(stdout, `sha256:${createHash('sha256').update('some-long-key').digest('hex')}\n`);
  const made = await sluice(['hash', 'key', '--make'], new FakeContext());
  const key = /now: (\S{32})\n/.exec(made.stderr)?.[1] ?? '';
  t.equal(made.stdout, `sha256:${createHash('sha256').update(key).digest('hex')}\n`);
});

t.test('what is typed on a terminal is not shown', async (t) => {
  const shown: string[] = [];
  const modes: boolean[] = [];
  const type = async (...keys: string[]): Promise<string> => {
    const terminal = Object.assign(new PassThrough(), {
      isTTY: true,
      setRawMode: (isRaw: boolean) => modes.push(isRaw),
    });
    const read = readSecret(terminal as never, 'Password: ', (text) => shown.push(text));
    for (const key of keys) terminal.write(key);
    return read;
  };
  t.equal(await type('se', 'x\x7f', 'cret', '\r'), 'secret');
  t.same(shown, ['Password: ', '\n']);
  t.same(modes, [true, false]);
  t.equal(await type('sec\u0003'), '', 'Ctrl-C');
  const pipe = new PassThrough();
  pipe.end('two\nlines\n');
  t.equal(await readSecret(pipe as never, '', () => {}), 'two\nlines\n');
});
