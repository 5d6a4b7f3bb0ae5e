/** Changes of fields, and of paths there and back: pure. */
import t from 'tap';
import { PLACEHOLDERS, parseTemplate } from '../../../src/kernel/template.ts';
import { compileFieldRules, type FieldRuleOptions } from '../../../src/proxy/field-rules.ts';
import { rewriteAnswer, rewriteTarget } from '../../../src/proxy/rewrite.ts';

const LINES = 'A: 1\r\nX-B: 2\r\na: 3\r\nx-b:4\r\nC: \r\n';

t.test('remove, set, add', (t) => {
  const apply = (options: Partial<FieldRuleOptions>): string =>
    compileFieldRules({ remove: [], set: [], add: [], ...options })?.apply(LINES, (it) => `<${it}>`) ??
    'null';
  t.equal(apply({}), 'null', 'nothing to do');
  t.equal(apply({ remove: ['a'] }), 'X-B: 2\r\nx-b:4\r\nC: \r\n', 'in any case, all of them');
  t.equal(apply({ remove: ['x'] }), LINES, 'a name that only begins so');
  t.equal(apply({ set: [{ name: 'A', value: 'n' }] }), 'X-B: 2\r\nx-b:4\r\nC: \r\nA: n\r\n');
  t.equal(apply({ add: [{ name: 'A', value: 'n' }] }), `${LINES}A: n\r\n`);
  t.equal(
    apply({
      remove: ['c'],
      set: [{ name: 'x-b', value: '{client_ip} {{x}}' }],
      add: [{ name: 'E', value: '' }],
    }),
    'A: 1\r\na: 3\r\nx-b: <client_ip> {x}\r\nE: \r\n',
  );
  t.end();
});

t.test('cleared: in every spelling that some server folds onto the name', (t) => {
  const rules = compileFieldRules({
    remove: ['a'],
    set: [{ name: 'X-User', value: 'ann' }],
    add: [],
    cleared: ['X-User'],
  });
  const lines = 'A: 1\r\nx-user: 2\r\nX_User: 3\r\nx~uSER: 4\r\nX.User: 5\r\nX-Users: 6\r\n';
  t.equal(rules?.apply(lines, String), 'X-Users: 6\r\nX-User: ann\r\n');
  t.equal(rules?.keep(lines), 'X-Users: 6\r\n', 'of trailers, which get nothing');
  t.end();
});

t.test('what a request holds begins no line', (t) => {
  const rules = compileFieldRules({ remove: [], set: [{ name: 'X', value: '{host}' }], add: [] });
  t.equal(
    rules?.apply('', () => 'a\r\nEvil: 1\n\x00\u010a\xe9'),
    'X: aEvil: 1\xe9\r\n',
  );
  t.end();
});

t.test('templates', (t) => {
  t.same(parseTemplate('a{host}b{{c}}'), ['a', { placeholder: 'host' }, 'b', '{', 'c', '}']);
  t.same(parseTemplate(''), []);
  for (const name of PLACEHOLDERS) t.same(parseTemplate(`{${name}}`), [{ placeholder: name }]);
  t.throws(() => parseTemplate('{hsot}'), { message: 'there is no {hsot}' });
  t.throws(() => parseTemplate('a{'), { message: '"{" alone: write it twice' });
  t.throws(() => parseTemplate('}'), { message: '"}" alone: write it twice' });
  t.throws(() => parseTemplate('{}'), { message: 'there is no {}' });
  t.end();
});

t.test('there (B16)', (t) => {
  const rows: [strip: string, add: string, path: string, target: string, expected: string][] = [
    ['/api', '', '/api/x', '/api/x?a=b', '/x?a=b'],
    ['/api', '', '/api', '/api', '/'],
    ['/api', '', '/api/', '/api/', '/'],
    ['/api', '', '/apix', '/apix', '/apix'],
    ['/api', '', '/api/x', '/a/../api//x?a=/../b', '/x?a=/../b'],
    ['', '/v1', '/x', '/x', '/v1/x'],
    ['/api', '/v1', '/api/x', '/api/x', '/v1/x'],
    ['/api', '/v1', '/api', '/api?q', '/v1/?q'],
    ['/a', '', '/a/a/b', '/a/a/b', '/a/b'],
    ['/a', '', '*', '*', '*'],
  ];
  for (const [stripPrefix, addPrefix, path, target, expected] of rows)
    t.equal(
      rewriteTarget({ stripPrefix, addPrefix }, path, target),
      expected,
      `${target} -${stripPrefix} +${addPrefix}`,
    );
  t.end();
});

t.test('and back (B15)', (t) => {
  const rows: [strip: string, add: string, line: string, expected: string][] = [
    ['/api', '', 'Location: /x?y#z', 'Location: /api/x?y#z'],
    ['/api', '', 'location: https://shop.example/x', 'location: https://shop.example/api/x'],
    ['/api', '', 'Location: https://SHOP.example', 'Location: https://SHOP.example/api/'],
    ['/api', '', 'Location: http://10.0.0.1:80/x?q', 'Location: /api/x?q'],
    ['/api', '', 'Location: https://else.example/x', 'Location: https://else.example/x'],
    ['/api', '', 'Location: //else.example/x', 'Location: //else.example/x'],
    ['/api', '', 'Location: ../x', 'Location: ../x'],
    ['/api', '', 'Location: ?q', 'Location: ?q'],
    ['/api', '/v1', 'Location: /v1/x', 'Location: /api/x'],
    ['/api', '/v1', 'Location: /v1', 'Location: /api/'],
    ['/api', '/v1', 'Location: /v2/x', 'Location: /v2/x'],
    ['', '/v1', 'Content-Location: /v1/x', 'Content-Location: /x'],
    ['/api', '', 'Location: http://10.0.0.1/x', 'Location: /api/x'],
    ['/api', '', 'Location: https://shop.example:443/x', 'Location: https://shop.example:443/api/x'],
    ['/api', '', 'Location: http://inner/x', 'Location: /api/x'],
    ['', '/app', 'Location: /app//evil.example/', 'Location: /evil.example/'],
    ['', '/app', 'Location: http://10.0.0.1/app//evil.example/', 'Location: /evil.example/'],
    ['', '/app', 'Location: http://10.0.0.1//evil.example', 'Location: /evil.example'],
    ['', '/app', 'Location: /app/\\evil.example/', 'Location: /evil.example/'],
    ['/api', '', 'Location: /\\evil.example/', 'Location: /\\evil.example/'],
    ['/api', '', 'Set-Cookie: __Host-a=b; Path=/; Secure', 'Set-Cookie: __Host-a=b; Path=/; Secure'],
    ['/api', '', 'Set-Cookie: a=b; Path=/; Secure', 'Set-Cookie: a=b; Path=/api; Secure'],
    ['/api', '', 'Set-Cookie: a=/x;path=/x', 'Set-Cookie: a=/x;path=/api/x'],
    ['/api', '', 'Set-Cookie: a=b', 'Set-Cookie: a=b'],
    ['/api', '', 'X-Location: /x', 'X-Location: /x'],
  ];
  for (const [stripPrefix, addPrefix, line, expected] of rows) {
    const lines = `Server: s\r\n${line}\r\nETag: "/x"\r\n`;
    const moved = rewriteAnswer({ stripPrefix, addPrefix }, lines, 'shop.example', ['10.0.0.1:80', 'inner']);
    t.equal(moved, `Server: s\r\n${expected}\r\nETag: "/x"\r\n`, line);
  }
  t.end();
});
