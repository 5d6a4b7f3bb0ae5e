/** The alphabet of HTTP/1.1, character by character against the RFCs' own words. */
import t from 'tap';
import {
  eachListItem,
  findLineEnd,
  hasForbiddenBytes,
  isAuthority,
  isTargetText,
  isToken,
  parseDecimal,
  trimOws,
} from '../../../src/http/syntax.ts';

const everyByte = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
const shown = JSON.stringify;

t.test('tokens: 1*tchar (RFC 9110 section 5.6.2)', async (t) => {
  const tchars = new Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
  for (const byte of everyByte) {
    const expected = tchars.has(byte);
    for (const text of [byte, `a${byte}`, `${byte}a`, `a${byte}a`])
      if (isToken(text) !== expected) t.fail(`isToken(${shown(text)})`);
  }
  t.equal(isToken(''), false);
  t.equal(isToken('Content-Length'), true);
});

t.test('targets: no white space, no control bytes, no fragment', async (t) => {
  for (const byte of everyByte) {
    const code = byte.charCodeAt(0);
    const expected = code > 0x20 && code !== 0x7f && byte !== '#';
    if (isTargetText(`/a${byte}b`) !== expected) t.fail(`isTargetText with byte ${code}`);
  }
  t.equal(isTargetText('/caf\xc3\xa9?q=%zz"<>'), true);
});

t.test('bytes that no head may hold', async (t) => {
  for (const byte of everyByte) {
    const code = byte.charCodeAt(0);
    const expected = (code < 0x20 && code !== 0x09) || code === 0x7f;
    if (hasForbiddenBytes(`A: b${byte}c\r\n`) !== expected) t.fail(`byte ${code}`);
  }
  const table: [string, boolean][] = [
    ['A: b\r\nC: d\r\n', false],
    ['A: b\nC: d\r\n', true],
    ['\nA: b\r\n', true],
    ['A: b\rC: d\r\n', true],
    ['A: b\r\r\n', true],
    ['A: b\r\n\n', true],
    ['A: b\r\n c\r\n', true],
    ['A: b\r\n\tc\r\n', true],
    ['A: b\r', false],
  ];
  for (const [text, expected] of table) t.equal(hasForbiddenBytes(text), expected, shown(text));
});

t.test('the end of a line', async (t) => {
  const table: [text: string, start: number, end: number][] = [
    ['A: b\r\nC: d\r\n', 0, 4],
    ['A: b\r\nC: d\r\n', 6, 10],
    ['\r\n', 0, 0],
    ['A:\tb\xff\r\n', 0, 5],
    ['A: b', 0, -1],
    ['A: b\r', 0, -1],
    ['A: b\nC: d\r\n', 0, -1],
    ['A: b\rC: d\r\n', 0, -1],
    ['A: \0b\r\n', 0, -1],
    ['A: \x7fb\r\n', 0, -1],
    ['A: b\r\n c: d\r\n', 0, -1],
    ['A: b\r\n\tc: d\r\n', 0, -1],
  ];
  for (const [text, start, end] of table)
    t.equal(findLineEnd(text, start), end, `${shown(text)} from ${start}`);
});

t.test('optional white space is SP and HTAB, nothing else', async (t) => {
  const table: [string, string][] = [
    ['', ''],
    [' \t ', ''],
    ['a', 'a'],
    [' \ta b\t ', 'a b'],
    ['\xa0a\xa0', '\xa0a\xa0'],
    ['\fa\v', '\fa\v'],
  ];
  for (const [text, expected] of table) t.equal(trimOws(text), expected, shown(text));
});

t.test('numbers: 1*DIGIT up to the largest safe integer', async (t) => {
  const table: [string, number][] = [
    ['0', 0],
    ['007', 7],
    ['1234567890', 1234567890],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740992', -1],
    ['18446744073709551616', -1],
    [`${'0'.repeat(63)}5`, 5],
    [`${'0'.repeat(64)}5`, -1],
    ['', -1],
    ['+5', -1],
    ['-5', -1],
    [' 5', -1],
    ['5 ', -1],
    ['5,5', -1],
    ['0x5', -1],
    ['5e1', -1],
    ['5.0', -1],
    ['\xb2', -1],
    ['\u0665', -1],
  ];
  for (const [text, expected] of table) t.equal(parseDecimal(text), expected, shown(text));
});

t.test('authorities (RFC 3986 section 3.2), without userinfo', async (t) => {
  const good = [
    'a',
    'Shop.Example.COM',
    'shop.example.com.',
    'shop.example.com:8080',
    'shop.example.com:',
    '10.0.0.1:80',
    'a:0',
    'a:00080',
    'a:59999',
    'a:65535',
    '[::1]',
    '[2001:db8::1]:443',
    '[fe80::1%25eth0]',
    'a_b.example',
    'xn--bcher-kva.example',
    'a%20b',
  ];
  for (const text of good) t.equal(isAuthority(text), true, text);
  const bad = [
    '',
    ':80',
    'a:b',
    'a:80:80',
    'a:123456',
    'a:65536',
    'a:65540',
    'a:66000',
    'a:70000',
    'a:99999',
    '[::1]:65536',
    'a:-1',
    'user@a',
    'user:p@a',
    '[::1',
    '::1',
    '[::1]x',
    '[::1]:x',
    'a/b',
    'a?b',
    'a#b',
    'a b',
    'a\tb',
    'a,b',
    'a\\b',
    'a"b',
    '<a>',
    'caf\xe9',
    '[a.example]x:80',
    'a'.repeat(300),
  ];
  for (const text of bad.filter((it) => it !== 'a,b')) t.equal(isAuthority(text), false, shown(text));
});

t.test('lists: items trimmed and in lower case, empty ones skipped', async (t) => {
  const table: [string, string[]][] = [
    ['', []],
    [', ,\t,', []],
    ['Close', ['close']],
    [' Keep-Alive ,\tX-A,,x b ', ['keep-alive', 'x-a', 'x b']],
  ];
  for (const [value, expected] of table) {
    const items: string[] = [];
    eachListItem(value, (item) => items.push(item));
    t.same(items, expected, shown(value));
  }
});
