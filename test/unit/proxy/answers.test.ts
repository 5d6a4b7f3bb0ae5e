/** Our own answers: every reason has one, in both kinds, with a length that fits, and nothing of a peer unescaped. */
import t from 'tap';
import { REASON_NAMES, REASONS } from '../../../src/kernel/reason.ts';
import { errorAnswer, phraseOf, plainAnswer, prefersHtml } from '../../../src/proxy/answers.ts';

const EVIL = '<script>"\r\nX: y\u0000</script>';

t.test('every reason with a status', async (t) => {
  for (const reason of REASON_NAMES) {
    const { status, title } = REASONS[reason];
    // A client that is gone is told nothing.
    if (status === 0 || reason === 'client_abort') continue;
    t.not(phraseOf(status), 'Status', `${reason}: ${status} has a phrase`);
    const json = errorAnswer(reason, 'why', 'id-1', false, 'Retry-After: 1\r\n');
    t.match(json.head, { status, phrase: phraseOf(status), framing: 'length' }, reason);
    t.equal(json.head.contentLength, Buffer.byteLength(json.body), reason);
    t.same(JSON.parse(json.body), {
      type: 'about:blank',
      title,
      status,
      code: reason,
      detail: 'why',
      request_id: 'id-1',
    });
    const page = errorAnswer(reason, 'why', 'id-1', true);
    t.equal(page.head.contentLength, Buffer.byteLength(page.body), reason);
    t.ok(page.body.includes(`<h1>${title}</h1>`), reason);
    for (const { head } of [json, page]) {
      t.match(head.fields, /(?:^|\n)Cache-Control: no-store\r\n/);
      t.match(head.fields, /^(?:[A-Za-z-]+: [^\r\n]+\r\n)+$/, 'whole lines');
    }
    t.match(json.head.fields, /Retry-After: 1\r\n$/);
  }
});

t.test('text of a peer stays text', async (t) => {
  const json = errorAnswer('bad_request', EVIL, EVIL, false);
  t.equal(JSON.parse(json.body).detail, EVIL);
  t.notMatch(json.head.fields, /script/);
  const page = errorAnswer('bad_request', EVIL, EVIL, true);
  t.notMatch(page.body, /<script>/);
  t.equal(
    JSON.parse(errorAnswer('no_route', '', '', false).body).detail,
    undefined,
    'none when there is none',
  );
});

t.test('plain answers', async (t) => {
  const table: [status: number, body: string, framing: string, contentLength: number, hasType: boolean][] = [
    [200, 'é', 'length', 2, true],
    [200, '', 'none', 0, false],
    [204, 'dropped', 'none', -1, false],
    [304, 'dropped', 'none', -1, false],
    [404, 'gone', 'length', 4, true],
  ];
  for (const [status, body, framing, contentLength, hasType] of table) {
    const answer = plainAnswer(status, 'text/plain', body, 'X-A: b\r\n');
    t.match(answer.head, { status, framing, contentLength }, `${status} ${body}`);
    t.equal(answer.head.fields, `${hasType ? 'Content-Type: text/plain\r\n' : ''}X-A: b\r\n`);
    t.equal(answer.body, contentLength > 0 ? body : '');
  }
  t.equal(phraseOf(799), 'Status', 'a phrase for any');
});

t.test('who would rather see a page', async (t) => {
  const table: [string, boolean][] = [
    ['', false],
    ['Accept: */*\r\n', false],
    ['Accept: application/json\r\n', false],
    ['accept: text/html,application/xhtml+xml;q=0.9\r\n', true],
    ['X: y\r\nACCEPT:text/html\r\n', true],
    ['X-Accept: text/html\r\n', false],
    ['X: accept: text/html\r\n', false],
    ['Accept: */*\r\nX: text/html\r\n', false],
  ];
  for (const [fields, expected] of table) t.equal(prefersHtml(fields), expected, JSON.stringify(fields));
});
