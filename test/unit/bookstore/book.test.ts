import t from 'tap';
import { checkBook, checkQuantity, GENRES, mergePatch, writable } from '../../../src/bookstore/book.ts';

const NOW = Date.UTC(2026, 5, 1);

const good = () => ({
  isbn: '978-0-306-40615-7',
  title: 'Emma',
  authors: ['Jane Austen'],
  year: 1815,
  price: { cents: 999, currency: 'GBP' },
  stock: 3,
  genre: 'classic',
});

function faults(input: unknown): Record<string, string> {
  const checked = checkBook(input, NOW);
  if (checked.ok) return {};
  return Object.fromEntries(checked.errors.map((error) => [error.field, error.message]));
}

t.test('a good book passes, normalised', async (t) => {
  const checked = checkBook({ ...good(), title: '  Emma ', description: 'One\n\ttwo' }, NOW);
  t.strictSame(checked, {
    ok: true,
    value: { ...good(), isbn: '9780306406157', title: 'Emma', description: 'One\n\ttwo' },
  });
});

const wrong: readonly (readonly [what: string, change: object, field: string, message: RegExp])[] = [
  ['no isbn', { isbn: undefined }, 'isbn', /^is required$/],
  ['isbn checksum', { isbn: '9780306406158' }, 'isbn', /check digit/],
  ['isbn a number', { isbn: 9780306406157 }, 'isbn', /must be a text/],
  ['empty title', { title: ' ' }, 'title', /empty/],
  ['long title', { title: 'x'.repeat(301) }, 'title', /300/],
  ['control character', { title: 'a\u0000b' }, 'title', /control/],
  ['line break in a title', { title: 'a\nb' }, 'title', /control/],
  ['half a surrogate pair', { title: 'a\ud800' }, 'title', /Unicode/],
  ['no authors', { authors: [] }, 'authors', /at least one/],
  ['too many authors', { authors: Array(21).fill('A') }, 'authors', /at most 20/],
  ['author no text', { authors: ['A', 7] }, 'authors[1]', /must be a text/],
  ['author a text', { authors: 'A' }, 'authors', /must be a list/],
  ['no year', { year: undefined }, 'year', /^is required$/],
  ['year with a fraction', { year: 1815.5 }, 'year', /whole/],
  ['year a text', { year: '1815' }, 'year', /whole/],
  ['year too early', { year: -3001 }, 'year', /before -3000/],
  ['year too late', { year: 2029 }, 'year', /after 2028/],
  ['price a number', { price: 9.99 }, 'price', /must be an object/],
  ['negative price', { price: { cents: -1, currency: 'GBP' } }, 'price.cents', /from 0 to/],
  ['fraction of a cent', { price: { cents: 0.5, currency: 'GBP' } }, 'price.cents', /whole/],
  ['no currency', { price: { cents: 5 } }, 'price.currency', /^is required$/],
  ['unknown currency', { price: { cents: 5, currency: 'gbp' } }, 'price.currency', /ISO 4217/],
  [
    'unknown field of the price',
    { price: { cents: 5, currency: 'GBP', vat: 1 } },
    'price.vat',
    /not a known field/,
  ],
  ['negative stock', { stock: -1 }, 'stock', /from 0 to/],
  ['endless stock', { stock: 1e7 }, 'stock', /from 0 to/],
  ['unknown genre', { genre: 'cookery' }, 'genre', /must be one of adventure, /],
  ['description null', { description: null }, 'description', /must be a text/],
  ['unknown field', { publisher: 'X' }, 'publisher', /not a known field/],
  ['read-only field', { version: 3 }, 'version', /set by the server/],
];

t.test('each fault is named at its field, and alone', async (t) => {
  for (const [what, change, field, message] of wrong) {
    const found = faults({ ...good(), ...change });
    t.strictSame(Object.keys(found), [field], what);
    t.match(found[field], message, what);
  }
});

t.test('all faults at once', async (t) => {
  const found = faults({ isbn: 'x', title: '', authors: [''], year: 9999, price: {}, stock: 0.5, extra: 1 });
  t.strictSame(Object.keys(found).sort(), [
    'authors[0]',
    'extra',
    'genre',
    'isbn',
    'price.cents',
    'price.currency',
    'stock',
    'title',
    'year',
  ]);
});

t.test('what is no object, and hostile member names', async (t) => {
  for (const input of [null, [], 'x', 4, true]) t.match(faults(input)['(body)'], /must be an object/);
  const hostile = JSON.parse(`{"__proto__": 1, "constructor": 2, ${JSON.stringify(good()).slice(1)}`);
  t.strictSame(Object.keys(faults(hostile)).sort(), ['__proto__', 'constructor']);
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`f${n}`, 1]));
  const checked = checkBook(many, NOW);
  t.equal(!checked.ok && checked.errors.length, 100, 'the list of faults is bounded');
});

t.test('every genre is accepted', async (t) => {
  for (const genre of GENRES) t.strictSame(faults({ ...good(), genre }), {});
});

t.test('quantity', async (t) => {
  t.strictSame(checkQuantity({ quantity: 1 }), { ok: true, value: { quantity: 1 } });
  for (const input of [
    {},
    { quantity: 0 },
    { quantity: -1 },
    { quantity: 1.5 },
    { quantity: '1' },
    { quantity: 10_001 },
    { quantity: 1, x: 1 },
    null,
  ]) {
    t.equal(checkQuantity(input).ok, false, JSON.stringify(input));
  }
});

t.test('merge patch (RFC 7396)', async (t) => {
  const target = { a: 1, price: { cents: 5, currency: 'EUR' }, description: 'x' };
  t.strictSame(mergePatch(target, { a: 2 }), { ...target, a: 2 });
  t.strictSame(mergePatch(target, { description: null }), { a: 1, price: target.price });
  t.strictSame(mergePatch(target, { price: { cents: 6 } }), {
    ...target,
    price: { cents: 6, currency: 'EUR' },
  });
  t.strictSame(mergePatch(target, {}), target);
  t.strictSame(mergePatch(target, [1]), [1]);
  t.equal(mergePatch(target, null), null);
  t.strictSame(target.price, { cents: 5, currency: 'EUR' }, 'the target is not changed');
  const polluted = mergePatch({}, JSON.parse('{"__proto__": {"x": 1}}')) as Record<string, unknown>;
  t.equal(polluted['x'], undefined);
  const deep = JSON.parse(`${'{"price":'.repeat(20_000)}1${'}'.repeat(20_000)}`);
  t.doesNotThrow(() => mergePatch(target, deep), 'depth does not reach the stack');
});

t.test('writable leaves out what the server sets', async (t) => {
  const checked = checkBook(good(), NOW);
  if (!checked.ok) throw new Error('the good book is not good');
  const book = { ...checked.value, id: 1, created: 'c', updated: 'u', version: 2 };
  t.strictSame(writable(book), checked.value);
  t.strictSame(writable({ ...book, description: 'd' }), { ...checked.value, description: 'd' });
});
