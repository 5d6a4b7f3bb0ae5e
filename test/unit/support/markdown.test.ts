import t from 'tap';
import { anchorsOf, blocksOf, codeOf, linksOf, rowsOf, sectionOf } from '../../support/markdown.ts';

const PAGE = `# A page

See [there](#two-words) and [a file](x/y.md#z).

\`\`\`sh run
echo one
# not a heading
\`\`\`

## Two words

| name | what |
|---|---|
| \`a\`, \`b\` | x \\| y |
| c | [d](e) |

### Below: \`it\`, and (more)

\`\`\`text
| no | row |
[no](link)
\`\`\`

## Last
`;

t.test('blocks with language, mark and line', async (t) => {
  t.same(
    blocksOf(PAGE).map(({ language, mark, line }) => [language, mark, line]),
    [
      ['sh', 'run', 6],
      ['text', '', 20],
    ],
  );
  t.equal(blocksOf(PAGE)[0]?.text, 'echo one\n# not a heading\n');
  t.throws(() => blocksOf('```sh\necho\n'), /block of line 2 has no end/);
});

t.test('sections end at the next heading of their level', async (t) => {
  t.match(sectionOf(PAGE, 'Two words'), /Below[\s\S]*no[\s\S]*row/);
  t.notMatch(sectionOf(PAGE, 'Two words'), 'Last');
  t.equal(sectionOf(PAGE, 'Last').trim(), '');
  t.throws(() => sectionOf(PAGE, 'Nothing'), /no heading "Nothing"/);
});

t.test('rows, code, links, anchors, without what stands in blocks', async (t) => {
  t.same(rowsOf(PAGE), [
    ['`a`, `b`', 'x \\| y'],
    ['c', '[d](e)'],
  ]);
  t.same(codeOf('`a`, `b c` and ``'), ['a', 'b c']);
  t.same(linksOf(PAGE), ['#two-words', 'x/y.md#z', 'e']);
  t.same([...anchorsOf(PAGE)], ['a-page', 'two-words', 'below-it-and-more', 'last']);
});
