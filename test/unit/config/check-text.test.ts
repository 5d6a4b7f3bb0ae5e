import t from 'tap';
import { checkReport, countText, type Diagnostic, renderDiagnostics } from '../../../src/config/index.ts';
import { load } from './loading.ts';

t.test('what a person sees: place, path, message, code frame, count', (t) => {
  const text = `listeners: { http: { port: 80 } }
pools:
  web:
    servers:
      - address: 10.0.0.11:8080
        wieght: 2
    health: { type: http, path: /x, interval: 5 minutes }

routes:
  - { name: front, match: { path: /front }, pool: web }
  - { name: all, pool: web }
  - name: api
    match: { path: /api/* }
    pool: web
`;
  const result = load(text);
  t.equal(result.ok, false);
  const diagnostics = result.ok ? [] : result.diagnostics;
  const closing = 'The running configuration was not changed.';
  t.equal(
    renderDiagnostics(diagnostics, { colour: false, text: result.frameText, closing }),
    `sluice.yaml:6:9  error  pools.web.servers[0]: unknown key "wieght" – did you mean "weight"?
   5 │       - address: 10.0.0.11:8080
 ▸ 6 │         wieght: 2
     │         ^^^^^^
sluice.yaml:7:47 error  pools.web.health.interval: "5 minutes" is not a time. Write 5m or 300s.
   6 │         wieght: 2
 ▸ 7 │     health: { type: http, path: /x, interval: 5 minutes }
     │                                               ^^^^^^^^^
sluice.yaml:12:5 warning routes[2] "api" can never match: routes[1] "all" (line 11) takes everything first.
   11 │   - { name: all, pool: web }
 ▸ 12 │   - name: api
      │     ^^^^^^^^^
2 errors, 1 warning. The running configuration was not changed.`,
  );
  const coloured = renderDiagnostics(diagnostics, { colour: true, text: result.frameText });
  t.match(coloured, '\u001b[31merror\u001b[0m');
  t.equal(
    coloured.replace(/\u001b\[\d+m/g, ''),
    renderDiagnostics(diagnostics, { colour: false, text: result.frameText }),
  );
  t.end();
});

const base: Diagnostic = {
  severity: 'error',
  file: 'a.yaml',
  line: 1,
  column: 1,
  endColumn: 2,
  path: '',
  message: 'Wrong.',
};

t.test('hints, files as a whole, long lines and control characters', (t) => {
  const render = (changes: Partial<Diagnostic>, text: string): string =>
    renderDiagnostics([{ ...base, ...changes }], { colour: false, text });
  t.equal(render({ line: 0, column: 0, endColumn: 0 }, ''), 'a.yaml error  Wrong.\n1 error, 0 warnings.');
  t.equal(
    render({ hint: 'one\ntwo' }, 'x'),
    'a.yaml:1:1 error  Wrong.\n ▸ 1 │ x\n     │ ^\n     one\n     two\n1 error, 0 warnings.',
  );
  const long = `${'x'.repeat(300)}: WRONG ${'y'.repeat(300)}`;
  const lines = render({ column: 303, endColumn: 308 }, long).split('\n');
  t.ok(
    lines.every((line) => line.length < 140),
    'cut',
  );
  const mark = lines[2]?.indexOf('^') ?? -1;
  t.equal(lines[1]?.slice(mark, mark + 5), 'WRONG', 'the mark stands under what it marks');
  const escapes = render({ message: 'a\u009bb', hint: 'c\u0007d' }, 'a\u001b[31mb\tc');
  t.notMatch(
    escapes,
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/,
    'no control characters reach the terminal',
  );
  t.end();
});

t.test('what a program gets', (t) => {
  const warning: Diagnostic = { ...base, severity: 'warning' };
  t.strictSame(checkReport([base, warning]), {
    ok: false,
    errors: 1,
    warnings: 1,
    diagnostics: [base, warning],
  });
  t.match(checkReport([warning]), { ok: true, errors: 0, warnings: 1 });
  t.equal(countText([]), '0 errors, 0 warnings.');
  t.equal(countText([base, base, warning]), '2 errors, 1 warning.');
  t.end();
});
