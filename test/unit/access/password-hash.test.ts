import t from 'tap';
import {
  hashPassword,
  isPassword,
  PASSWORD_COST,
  parsePasswordHash,
} from '../../../src/kernel/password-hash.ts';
import { parseUserList } from '../../../src/kernel/user-list.ts';

const CHEAP = { ln: 8, r: 8, p: 1 };
const SALT = Buffer.alloc(16, 7);

t.test('there and back', async (t) => {
  const text = await hashPassword('correct horse', SALT, CHEAP);
  t.match(text, /^\$scrypt\$ln=8,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  const parsed = parsePasswordHash(text);
  if (parsed === undefined) throw new Error('not a hash');
  t.equal(await isPassword(Buffer.from('correct horse'), parsed), true);
  t.equal(await isPassword(Buffer.from('correct horsf'), parsed), false);
  t.equal(await isPassword(Buffer.from(''), parsed), false);
  t.not(await hashPassword('correct horse', Buffer.alloc(16, 8), CHEAP), text, 'another salt');
});

t.test('the test vector of RFC 7914 section 12', async (t) => {
  // N = 16384, r = 8, p = 1, "pleaseletmein", "SodiumChloride"
  const expected =
    '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887';
  const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
  const text = `$scrypt$ln=14,r=8,p=1$${base64(Buffer.from('SodiumChloride'))}$${base64(Buffer.from(expected, 'hex'))}`;
  const parsed = parsePasswordHash(text);
  if (parsed === undefined) throw new Error(`not a hash: ${text}`);
  t.equal(await isPassword(Buffer.from('pleaseletmein'), parsed), true);
});

t.test('the usual cost', async (t) => {
  const parsed = parsePasswordHash(await hashPassword('x', SALT));
  t.match(parsed, PASSWORD_COST);
});

t.test('what is no hash, or costs too much', async (t) => {
  const good = await hashPassword('x', SALT, CHEAP);
  for (const bad of [
    '',
    'x',
    '$2b$10$abcdefghijklmnopqrstuv',
    good.replace('scrypt', 'bcrypt'),
    good.replace('ln=8', 'ln=7'),
    good.replace('ln=8', 'ln=30'),
    good.replace('r=8', 'r=0'),
    good.replace('p=1', 'p=17'),
    good.replace('ln=8,r=8', 'ln=17,r=9'),
    good.slice(0, 40),
    `${good}=`,
  ])
    t.equal(parsePasswordHash(bad), undefined, bad);
});

t.test('a file of users', async (t) => {
  const hash = await hashPassword('x', SALT, CHEAP);
  t.same(parseUserList(`# people\n\nann:${hash}\r\njürg: ${hash} \n`), {
    users: [
      { name: 'ann', hash },
      { name: 'jürg', hash },
    ],
    problems: [],
  });
  const { users, problems } = parseUserList(
    `ann\n:${hash}\nbob:$2y$05$x\ncid:plain\ndan:${hash}\ndan:${hash}`,
  );
  t.same(
    users.map(({ name }) => name),
    ['dan'],
  );
  t.match(problems, [
    /^line 1: .*name:hash/,
    /^line 2: /,
    /^line 3: Only scrypt/,
    /^line 4: /,
    /^line 6: .*twice/,
  ]);
});
