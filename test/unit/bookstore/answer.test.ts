import Database from 'better-sqlite3';
import t from 'tap';
import { problemAnswer, toProblem } from '../../../src/bookstore/answer.ts';
import { badParameters, invalid, Problem } from '../../../src/bookstore/problem.ts';

t.test('what is thrown becomes a problem of the right status', async (t) => {
  const problem = new Problem(404, 'not_found', 'no');
  t.equal(toProblem(problem), problem);
  for (const code of [
    'SQLITE_BUSY',
    'SQLITE_BUSY_SNAPSHOT',
    'SQLITE_LOCKED',
    'SQLITE_FULL',
    'SQLITE_IOERR_WRITE',
    'SQLITE_READONLY',
  ]) {
    const busy = toProblem(new Database.SqliteError('text', code));
    t.match(busy, { status: 503, code: 'busy', headers: { 'retry-after': '1' }, cause: { code } }, code);
  }
  t.match(toProblem(new Database.SqliteError('text', 'SQLITE_CORRUPT')), { status: 500, code: 'internal' });
  t.match(toProblem(new TypeError('oops')), { status: 500, message: /oops/ });
  t.match(toProblem('text'), { status: 500 });
});

t.test('the document', async (t) => {
  const answer = problemAnswer(invalid([{ field: 'a', message: 'b' }]));
  t.match(answer, {
    status: 422,
    type: 'application/problem+json',
    headers: { 'cache-control': 'no-store' },
  });
  t.strictSame(JSON.parse(answer.body ?? ''), {
    type: 'about:blank',
    title: 'Unprocessable Entity',
    status: 422,
    code: 'invalid',
    detail: '1 field is not valid; nothing was changed',
    errors: [{ field: 'a', message: 'b' }],
  });
  const many = badParameters([
    { field: 'a', message: 'is wrong' },
    { field: 'b', message: 'too' },
  ]);
  t.match(many, { status: 400, message: 'a is wrong; b too' });
});
