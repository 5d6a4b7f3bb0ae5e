/** What each field name means, in every spelling; and that a name's surroundings never matter. */
import t from 'tap';
import * as names from '../../../src/http/names.ts';

const { classifyName } = names;
const classify = (name: string): number => classifyName(name, 0, name.length);

const table: Record<string, number> = {
  host: names.HOST,
  'content-length': names.CONTENT_LENGTH,
  'transfer-encoding': names.TRANSFER_ENCODING,
  connection: names.CONNECTION,
  'proxy-connection': names.HOP,
  'keep-alive': names.KEEP_ALIVE,
  trailer: names.HOP,
  'proxy-authorization': names.HOP,
  'proxy-authenticate': names.HOP,
  'http2-settings': names.HOP,
  proxy: names.HOP,
  upgrade: names.UPGRADE,
  expect: names.EXPECT,
  te: names.TE,
  cookie: names.COOKIE,
  'user-agent': names.USER_AGENT,
  forwarded: names.FORWARDED,
  'x-forwarded-for': names.X_FORWARDED_FOR,
  'x-forwarded-proto': names.X_FORWARDED_PROTO,
  'x-forwarded-host': names.X_FORWARDED_HOST,
  'x-forwarded-port': names.X_FORWARDED_PORT,
  'x-forwarded-prefix': names.X_FORWARDED_PREFIX,
  'x-forwarded-server': names.X_FORWARDED_OTHER,
  'x-forwarded-client-cert': names.X_FORWARDED_OTHER,
  'x-real-ip': names.X_REAL_IP,
  'x-request-id': names.X_REQUEST_ID,
  // Twins: what a server with CGI's folding of names would take for one of the above.
  content_length: names.ALIAS,
  'content.length': names.ALIAS,
  transfer_encoding: names.ALIAS,
  x_forwarded_for: names.ALIAS,
  'x.forwarded-for': names.ALIAS,
  'x-forwarded_for': names.ALIAS,
  x_forwarded_anything: names.ALIAS,
  x_real_ip: names.ALIAS,
  x_request_id: names.ALIAS,
  http2_settings: names.ALIAS,
  // Nothing to us.
  accept: names.PASS,
  'set-cookie': names.PASS,
  'x-forwarded': names.PASS,
  'content-type': names.PASS,
  authorization: names.AUTHORIZATION,
  'www-authenticate': names.WWW_AUTHENTICATE,
  via: names.PASS,
  x_custom: names.PASS,
  'a.b': names.PASS,
  __proto__: names.PASS,
  constructor: names.PASS,
  hasownproperty: names.PASS,
  tostring: names.PASS,
  h: names.PASS,
  hos: names.PASS,
  hostx: names.PASS,
  'content-lengt': names.PASS,
  'content-lengthh': names.PASS,
};

/** Upper case at every other letter, from the first or the second on. */
const mixed = (name: string, first: number): string =>
  [...name].map((char, i) => (i % 2 === first ? char.toUpperCase() : char)).join('');

t.test('every name in every case', async (t) => {
  for (const [name, kind] of Object.entries(table)) {
    for (const spelling of [name, name.toUpperCase(), mixed(name, 0), mixed(name, 1)])
      t.equal(classify(spelling), kind, spelling);
  }
});

t.test('what stands around a name does not matter', async (t) => {
  for (const [name, kind] of Object.entries(table)) {
    const text = `X-Before: 1\r\n${name}: value`;
    t.equal(classifyName(text, 13, 13 + name.length), kind, name);
  }
});

t.test('no other byte is part of a name', async (t) => {
  const tchars = new Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
  for (let code = 0; code < 256; code++) {
    const byte = String.fromCharCode(code);
    for (const name of [byte, `host${byte}`, `${byte}host`, `ho${byte}st`]) {
      const isInvalid = classify(name) === names.INVALID;
      if (isInvalid === tchars.has(byte)) t.fail(`byte ${code} in ${JSON.stringify(name)}`);
    }
  }
  t.equal(classify(''), names.INVALID);
});

t.test('a name that shares its place in the table with a known one is nothing to us', async (t) => {
  // Many short names: some of them must meet each place.
  let met = 0;
  for (const a of 'abcdefghijklmnopqrstuvwxyz') {
    for (const b of 'abcdefghijklmnopqrstuvwxyz') {
      for (const c of 'abcdefghijklmnopqrstuvwxyz') {
        const name = `${a}${b}${c}`;
        if (classify(name) !== names.PASS) t.fail(name);
        met++;
      }
    }
  }
  t.equal(met, 26 ** 3);
});
