import fc from 'fast-check';
import t from 'tap';
import { normalizePath, PATH_REFUSALS } from '../../../src/route/index.ts';

t.test('the normal form of a path', async (t) => {
  const table: [raw: string, normal: string, why: string][] = [
    ['/', '/', 'the root'],
    ['*', '*', 'OPTIONS *'],
    ['/a/b', '/a/b', 'as it is'],
    ['/a/b/', '/a/b/', 'the slash at the end stays'],
    ['/.well-known/x', '/.well-known/x', 'a dot is not a dot segment'],
    ['/a/...', '/a/...', 'nor are three'],
    ['/a/.b/..c', '/a/.b/..c', 'nor a name that begins with dots'],
    ['/./a', '/a', 'single dot'],
    ['/a/./b/.', '/a/b/', 'single dot at the end leaves a slash'],
    ['/a/b/../c', '/a/c', 'double dot'],
    ['/a/b/..', '/a/', 'double dot at the end leaves a slash'],
    ['/a/..', '/', 'down to the root'],
    ['//a///b//', '/a/b/', 'runs of slashes collapse'],
    ['////', '/', 'only slashes'],
    ['/%61%2D%7e', '/a-~', 'unreserved escapes are decoded'],
    ['/a%20b', '/a%20b', 'a reserved escape stays'],
    ['/%c3%a9%3b', '/%C3%A9%3B', 'in upper case'],
    ['/caf\xe9', '/caf%E9', 'raw bytes beyond ASCII are escaped'],
    ['/%252e%252e/', '/%252e%252e/', 'nothing is decoded twice'],
    ['/a;b=c/d', '/a;b=c/d', 'parameters are part of the segment'],
    ['/a;/d', '/a;/d', 'empty ones too'],
    ['/a:b@c!$&', '/a:b@c!$&', 'sub-delims stay'],
    ['/a//b/../c', '/a/c', 'dots that remove a real segment do not mind empty ones before'],
  ];
  for (const [raw, normal, why] of table) t.equal(normalizePath(raw), normal, `${raw}: ${why}`);
});

t.test('refused paths', async (t) => {
  const table: [raw: string, refused: keyof typeof PATH_REFUSALS][] = [
    ['', 'not_absolute'],
    ['a/b', 'not_absolute'],
    ['**', 'not_absolute'],
    ['/a b', 'control_byte'],
    ['/a\0', 'control_byte'],
    ['/a\x7f', 'control_byte'],
    ['/a\r\nx', 'control_byte'],
    ['/a\\b', 'backslash'],
    ['/a%2fb', 'encoded_slash'],
    ['/a%2Fb', 'encoded_slash'],
    ['/a%5cb', 'encoded_backslash'],
    ['/a%00', 'encoded_nul'],
    ['/%zz', 'malformed_escape'],
    ['/%', 'malformed_escape'],
    ['/a%2', 'malformed_escape'],
    ['/a%%32f', 'malformed_escape'],
    ['/..', 'above_root'],
    ['/../admin', 'above_root'],
    ['/a/../../b', 'above_root'],
    ['/%2e%2e/admin', 'above_root'],
    ['/admin//../x', 'ambiguous_dots'],
    ['/a//b/../../x', 'ambiguous_dots'],
    ['/x/..;/admin', 'ambiguous_dots'],
    ['/x/.;a=b/admin', 'ambiguous_dots'],
    ['/x/%2e%2e;/admin', 'ambiguous_dots'],
  ];
  for (const [raw, refused] of table)
    t.equal(normalizePath(raw), PATH_REFUSALS[refused], `${raw}: ${refused}`);
  for (const { detail } of Object.values(PATH_REFUSALS)) t.match(detail, /^[A-Z].*\.$/);
});

/** The same by regular expressions over whole strings: slow, other errors than the walk would make. */
function naiveNormal(raw: string): string {
  let path = raw
    .replace(/[\x80-\xff]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replace(/%[0-9a-f]{2}/gi, (e) => {
      const char = String.fromCharCode(Number.parseInt(e.slice(1), 16));
      return /[A-Za-z0-9._~-]/.test(char) ? char : e.toUpperCase();
    });
  path = path.replace(/\/+/g, '/');
  for (let before = ''; before !== path; ) {
    before = path;
    path = path
      .replace(/\/\.(\/|$)/, '/')
      .replace(/^((?:\/[^/]+)*?)\/(?!\.\.?(?:\/|$))[^/]+\/\.\.(\/|$)/, '$1/');
  }
  return path;
}

t.test('any path is refused or becomes what the naive model makes of it', async (t) => {
  const piece = fc.constantFrom(
    '/',
    '/',
    '/',
    'a',
    'b',
    '.',
    '..',
    '/.',
    '/..',
    '%2e',
    '%2E',
    '%61',
    '%20',
    '%c3',
    '%3b',
    ';',
    '\xe9',
    '%252e',
    '//',
    'x.y',
    '%2f',
    '%',
    '~',
  );
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const raw = `/${pieces.join('')}`;
      const normal = normalizePath(raw);
      if (typeof normal !== 'string') return;
      accepted++;
      if (normal !== naiveNormal(raw)) throw new Error(`${raw}: ${normal}, naive ${naiveNormal(raw)}`);
      if (normalizePath(normal) !== normal) throw new Error(`${raw}: ${normal} is not normal`);
      if (/\/\/|\/\.\.?(?:\/|$)|%[0-9a-f]?[a-f]|[^\x21-\x7e]/.test(normal))
        throw new Error(`${raw}: ${normal}`);
    }),
    { numRuns: 5000 },
  );
  t.ok(accepted > 500, `${accepted} were not refused`);
});

t.test('a long hostile path comes to an end', async (t) => {
  t.equal(normalizePath(`/${'a/../'.repeat(1600)}x`), '/x');
  t.equal(normalizePath('/'.repeat(8000)), '/');
  t.equal(normalizePath(`/${'%2e/'.repeat(2000)}`), '/');
});
