/** Which page stands for an error, what it says, and what stays of a server's head. */
import t from 'tap';
import type { AnswerHead } from '../../../src/http/index.ts';
import {
  compileErrorPages,
  type ErrorPageOptions,
  fillPage,
  interceptedHead,
  pageAnswer,
} from '../../../src/proxy/error-pages.ts';

const HTML = 'text/html; charset=utf-8';
const page = (status: string, part: Partial<ErrorPageOptions> = {}): ErrorPageOptions => ({
  status,
  body: `page ${status}`,
  contentType: HTML,
  intercepts: false,
  ...part,
});

t.test('the nearest page: of the route before the others, a status before its class', (t) => {
  const all = compileErrorPages([page('5xx'), page('404', { contentType: 'application/json' })], null);
  const own = compileErrorPages([page('502'), page('4xx')], all);
  const rows: readonly (readonly [status: number, html: boolean, body: string | undefined])[] = [
    [502, true, 'page 502'],
    [502, false, undefined],
    [503, true, 'page 5xx'],
    [404, true, 'page 4xx'],
    [404, false, undefined],
    [400, true, 'page 4xx'],
    [600, true, undefined],
  ];
  for (const [status, html, body] of rows)
    t.equal(own?.pageFor(status, html)?.body, body, `${status} ${html ? 'browser' : 'program'}`);
  t.equal(all?.pageFor(404, false)?.body, 'page 404', 'other types are for everybody');
  t.equal(compileErrorPages([], all), all);
  t.equal(compileErrorPages([], null), null);
  t.equal(own?.intercepts, false);
  t.equal(
    compileErrorPages([page('4xx')], compileErrorPages([page('500', { intercepts: true })], null))
      ?.intercepts,
    true,
  );
  t.end();
});

t.test('what a page says of the request cannot become markup', (t) => {
  const facts = { requestId: 'a<b>"&1', status: 502, title: 'Bad <i>gateway</i>' };
  const body = 'p{color:red}{status} {title} {request_id} {other} {{status}}';
  t.equal(fillPage(page('5xx', { body }), facts), 'p{color:red}502 Bad igateway/i ab1 {other} {502}');
  t.equal(
    fillPage(page('5xx', { body: '{"id":"{request_id}"}', contentType: 'application/json' }), facts),
    '{"id":"a<b>&1"}',
  );
  const answer = pageAnswer(page('5xx', { body: '{status}' }), facts, 'Retry-After: 1\r\n');
  t.match(answer, { body: '502', head: { status: 502, contentLength: 3 } });
  t.match(
    answer.head.fields,
    /^Content-Type: text\/html.*\r\nCache-Control: no-store\r\nRetry-After: 1\r\n$/,
  );
  t.end();
});

t.test('a server’s head whose body is a page', (t) => {
  const head: AnswerHead = {
    status: 401,
    phrase: 'Unauthorized',
    fields:
      'Content-Type: application/json\r\nWWW-Authenticate: Basic\r\nSet-Cookie: a=b\r\nETag: "x"\r\nContent-Encoding: gzip\r\nRetry-After: 3\r\n',
    framing: 'chunked',
    contentLength: -1,
    hasDate: true,
    memo: 'x',
  };
  t.same(interceptedHead(head, page('4xx'), 7), {
    ...head,
    fields: `WWW-Authenticate: Basic\r\nSet-Cookie: a=b\r\nRetry-After: 3\r\nContent-Type: ${HTML}\r\n`,
    framing: 'length',
    contentLength: 7,
    memo: '',
  });
  t.equal(interceptedHead({ ...head, framing: 'none' }, page('4xx'), 7).framing, 'none', 'HEAD');
  t.end();
});
