import t from 'tap';
import { ApiProblem, invalidFields, PROBLEMS, problemAnswer } from '../../../src/admin/problem.ts';
import { newServer } from '../../../src/admin/schemas.ts';
import { parseServerAddress } from '../../../src/admin/server-address.ts';
import { matchesTag } from '../../../src/admin/views.ts';
import { SluiceError } from '../../../src/kernel/errors.ts';

t.test('addresses of servers', async (t) => {
  const good: [string, string, number][] = [
    ['10.0.0.1:80', '10.0.0.1', 80],
    [':3001', '127.0.0.1', 3001],
    ['Books.Example:8080', 'books.example', 8080],
    ['[2001:DB8::1]:80', '2001:db8::1', 80],
    ['[::ffff:10.0.0.1]:80', '10.0.0.1', 80],
    ['_srv.a-b:1', '_srv.a-b', 1],
    ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
    ['unix:/run/app.sock', 'unix:/run/app.sock', 0],
    ['3com.example:1', '3com.example', 1],
  ];
  for (const [text, host, port] of good) t.same(parseServerAddress(text), { host, port }, text);
  for (const text of [
    '',
    'host',
    'host:0',
    'host:65536',
    'host:x',
    'http://host:80',
    '-a:80',
    'a..b:80',
    'ho st:80',
    'a/b:80',
    'u@h:80',
    '127.1:80',
    '2130706433:80',
    '0x7f000001:80',
    '1.2.3.0x4:80',
    '1.2.3.4.5:80',
    '0.0.0.0:80',
    '169.254.169.254:80',
    '[::ffff:169.254.169.254]:80',
    '[::ffff:a9fe:a9fe]:80',
    '[fe80::1]:80',
    '[fe80::a9fe:a9fe%eth0]:80',
    '[FE80::A9FE:A9FE%eth0]:80',
    '[2001:db8::1%eth0]:80',
    '[::1%lo]:80',
    'unix:app.sock',
    'unix:/run/',
    'unix://run/app.sock',
    'unix:/a\0b',
    `unix:/${'x'.repeat(107)}`,
    '[::]:80',
    '224.0.0.1:80',
    '255.255.255.255:80',
    '[ff02::1]:80',
    `${'a'.repeat(254)}:80`,
  ])
    t.match(parseServerAddress(text), { error: /./ }, text);
});

t.test('every problem has a status that fits, and a title', async (t) => {
  for (const [code, kind] of Object.entries(PROBLEMS)) {
    t.ok(kind.status >= 400 && kind.status < 600, code);
    t.match(code, /^[a-z_]+$/);
    t.match(kind.title, /^[A-Z]/, code);
  }
});

t.test('errors become answers', async (t) => {
  const answer = problemAnswer(new SluiceError('no_pool', 'there is no pool "x"', { hint: 'There are: y.' }));
  t.same(answer.body, {
    type: 'about:blank',
    title: 'No such pool',
    status: 404,
    code: 'no_pool',
    detail: 'there is no pool "x"',
    hint: 'There are: y.',
  });
  t.equal(answer.isOurFault, false);
  const limited = problemAnswer(new ApiProblem('too_many_attempts', 'x', { fields: { 'retry-after': '9' } }));
  t.match(limited, { body: { status: 429 }, fields: { 'retry-after': '9' } });
  for (const [code, status, name] of [
    ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 415, 'media_type'],
    ['FST_ERR_CTP_BODY_TOO_LARGE', 413, 'too_large'],
    ['FST_ERR_CTP_EMPTY_JSON_BODY', 400, 'bad_json'],
    ['FST_ERR_BAD_URL', 400, 'bad_request'],
  ] as const)
    t.match(problemAnswer(Object.assign(new Error('x'), { code, statusCode: status })), {
      body: { status, code: name },
      isOurFault: false,
    });
});

t.test('a fault of ours tells nothing of itself', async (t) => {
  for (const thrown of [
    new Error('secret path'),
    new SluiceError('tls_key', 'secret path'),
    null,
    'secret path',
  ]) {
    const { body, isOurFault } = problemAnswer(thrown);
    t.match(body, { status: 500, code: 'internal' });
    t.notMatch(JSON.stringify(body), 'secret');
    t.equal(isOurFault, true);
  }
});

t.test('fields', async (t) => {
  const problem = invalidFields('body', [
    { instancePath: '/weight', message: 'Too much.' },
    { instancePath: '/', message: 'Unrecognized', params: { keys: ['a', 'b'] } },
    { instancePath: '/deep/er', message: 'No.', params: {} },
  ]);
  t.same(problem.extra.errors, [
    { field: 'weight', message: 'Too much.' },
    { field: 'a', message: 'There is no such field.' },
    { field: 'b', message: 'There is no such field.' },
    { field: 'deep.er', message: 'No.' },
  ]);
  t.equal(problem.message, 'weight: Too much.');
  t.match(invalidFields('body', []).message, 'The body is wrong.');
});

t.test('what a new server becomes', async (t) => {
  t.same(newServer.parse({ address: 'a:1' }), {
    address: 'a:1',
    weight: 1,
    zone: null,
    backup: false,
    max_connections: null,
    maintenance: false,
  });
});

t.test('If-Match', async (t) => {
  t.equal(matchesTag('"a"', '"a"'), true);
  t.equal(matchesTag('"b", "a"', '"a"'), true);
  t.equal(matchesTag('*', '"a"'), true);
  for (const other of ['', '"b"', 'a', 'W/"a"']) t.equal(matchesTag(other, '"a"'), false, other);
});
