/** Files that a configuration names: nothing that never ends, and nothing that waits for somebody. */
import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readNamedFile } from '../../../src/config/read-named-file.ts';

t.test('files, and what is none', async (t) => {
  const folder = t.testdir({ text: 'ä\n', link: t.fixture('symlink', 'text') });
  t.equal(readNamedFile(join(folder, 'text')), 'ä\n');
  t.equal(readNamedFile(join(folder, 'link')), 'ä\n', 'as secrets of a cluster are');
  t.equal(readNamedFile('/dev/null'), '');
  t.not(readNamedFile('/proc/self/limits'), '', 'a size of 0 says nothing there');
  t.throws(() => readNamedFile(join(folder, 'none')), { code: 'ENOENT' });
  t.throws(() => readNamedFile(folder), { code: 'EISDIR' });
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  t.throws(() => readNamedFile(pipe), /a pipe or a device/, 'and does not wait for a writer');
  t.throws(() => readNamedFile('/dev/zero'), /a pipe or a device/);
  const large = join(folder, 'large');
  writeFileSync(large, '');
  truncateSync(large, 64 * 1024 * 1024 + 1);
  t.throws(() => readNamedFile(large), /more than 64MiB/);
});
