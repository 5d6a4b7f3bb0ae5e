/**
 * A configuration that is replaced under a running daemon (B58): by rename, by a link that Kubernetes swaps, or written over in place.
 * It is read when SIGHUP asks for it, never by itself; a half-written one changes nothing.
 */
import { renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { request } from 'undici';
import { SluiceProcess } from '../support/sluice-process.ts';

const fileOf = (body: string): string => `threads: 1
admin: { listen: "127.0.0.1:0" }
logs: { access: false }
listeners: { web: { address: 127.0.0.1, port: 0 } }
routes: [{ name: all, respond: { status: 200, ${body} } }]
`;
const says = (text: string): string => fileOf(`body: "${text}"`);

async function bodyOf(sluice: SluiceProcess): Promise<string> {
  const [listener = ''] = (await sluice.message('ready'))['listeners'] as string[];
  const answer = await request(`http://127.0.0.1:${listener.slice(listener.indexOf(':') + 1)}`);
  return answer.body.text();
}

/** Asks for a reload and waits for what came of it. */
async function reload(sluice: SluiceProcess): Promise<string> {
  const seen = sluice.lines.length;
  sluice.child.kill('SIGHUP');
  const line = await sluice.line(
    (it) => /^(reloaded|the new configuration)/.test(String(it['message'])),
    seen,
  );
  return String(line['message']).split('\n')[0] as string;
}

t.test('written over, renamed over (B58)', async (t) => {
  const folder = t.testdir({ 'sluice.yaml': says('one') });
  const file = join(folder, 'sluice.yaml');
  await using sluice = new SluiceProcess(['run'], { cwd: folder });
  t.equal(await bodyOf(sluice), 'one');

  const whole = says('two');
  for (const length of [0, 5, whole.indexOf('listeners') + 12, whole.indexOf('"two') + 2, whole.length - 4]) {
    writeFileSync(file, whole.slice(0, length));
    t.match(await reload(sluice), /^the new configuration was refused/, `${length} bytes of it`);
    t.equal(await bodyOf(sluice), 'one', 'nothing changed');
  }
  writeFileSync(file, whole);
  t.equal(await bodyOf(sluice), 'one', 'not before it is asked for');
  t.match(await reload(sluice), /^reloaded/);
  t.equal(await bodyOf(sluice), 'two');

  writeFileSync(`${file}.new`, says('three'));
  renameSync(`${file}.new`, file);
  t.match(await reload(sluice), /^reloaded/);
  t.equal(await bodyOf(sluice), 'three');
  t.match(await reload(sluice), /^reloaded: nothing has changed/, 'once');
});

t.test('a link that is swapped, as a ConfigMap (B58)', async (t) => {
  const mount = t.testdir({
    '..v1': { 'sluice.yaml': fileOf('file: page.txt'), 'page.txt': 'v1' },
    '..v2': { 'sluice.yaml': fileOf('file: page.txt'), 'page.txt': 'v2' },
    '..v3': { 'sluice.yaml': says('v3') },
  });
  symlinkSync('..v1', join(mount, '..data'));
  for (const name of ['sluice.yaml', 'page.txt']) symlinkSync(`..data/${name}`, join(mount, name));
  await using sluice = new SluiceProcess(['run', '--config', join(mount, 'sluice.yaml')]);
  t.equal(await bodyOf(sluice), 'v1');
  for (const [version, what] of [
    ['v2', 'a file that it names is another one'],
    ['v3', 'the configuration is another one'],
  ] as const) {
    symlinkSync(`..${version}`, join(mount, '..data_tmp'));
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
    t.match(await reload(sluice), /^reloaded/);
    t.equal(await bodyOf(sluice), version, what);
    t.match(await reload(sluice), /^reloaded: nothing has changed/, 'once');
  }
});
