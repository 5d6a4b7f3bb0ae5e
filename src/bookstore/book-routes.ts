/** The handlers of the books. What is valid stands in book.ts, what is atomic in store.ts. */
import { createHash } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { type JsonBody, readJson } from './body.ts';
import { type Book, checkBook, checkQuantity, mergePatch, writable } from './book.ts';
import { type Answer, type Call, json } from './call.ts';
import type { Checked } from './check.ts';
import { entityTag, isNotModified, requireMatch } from './precondition.ts';
import { invalid, Problem } from './problem.ts';
import { readListQuery } from './query.ts';
import type { Route } from './router.ts';
import type { BookStore } from './store.ts';

interface Deps {
  readonly store: BookStore;
  readonly clock: Clock;
}

/** Kept by caches, but asked for again each time: the stock changes. */
const REVALIDATE = 'no-cache';

function mustBe<T>(checked: Checked<T>): T {
  if (!checked.ok) throw invalid(checked.errors);
  return checked.value;
}

function bookAnswer(status: number, book: Book, headers: Readonly<Record<string, string>> = {}): Answer {
  return json(status, book, { etag: entityTag(book), 'cache-control': REVALIDATE, ...headers });
}

function list({ store }: Deps, call: Call): Answer {
  const page = store.list(readListQuery(call.parameters));
  const headers: Record<string, string> = { 'cache-control': REVALIDATE };
  if (page.nextCursor !== null) {
    const next = new URLSearchParams(call.parameters);
    next.set('cursor', page.nextCursor);
    headers['link'] = `</books?${next}>; rel="next"`;
  }
  return json(200, page, headers);
}

function read({ store }: Deps, call: Call): Answer {
  const book = store.read(call.id);
  const etag = entityTag(book);
  if (isNotModified(call.request.headers['if-none-match'], etag)) {
    return { status: 304, headers: { etag, 'cache-control': REVALIDATE } };
  }
  return bookAnswer(200, book);
}

/**
 * Runs `act`, once only where the client named the request by an Idempotency-Key
 * (draft-ietf-httpapi-idempotency-key-header).
 */
function once({ store, clock }: Deps, call: Call, body: JsonBody, act: () => Answer): Answer {
  const key = call.request.headers['idempotency-key'];
  if (key === undefined) return act();
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new Problem(400, 'bad_request', 'Idempotency-Key must be 1 to 255 visible ASCII characters');
  }
  const hash = createHash('sha256').update(`${call.method} ${call.path}\n`).update(body.bytes);
  const request = { key, fingerprint: hash.digest('base64'), wallMs: clock.wallMs() };
  const { answer, isReplay } = store.once(request, () => {
    const { status, headers = {}, body: text = '' } = act();
    return { status, headers, body: text };
  });
  return isReplay ? { ...answer, headers: { ...answer.headers, 'idempotency-replayed': 'true' } } : answer;
}

async function create(deps: Deps, call: Call): Promise<Answer> {
  const body = await readJson(call);
  return once(deps, call, body, () => {
    const wallMs = deps.clock.wallMs();
    const book = deps.store.create(mustBe(checkBook(body.value, wallMs)), wallMs);
    return bookAnswer(201, book, { location: `/books/${book.id}` });
  });
}

/** Replaces the whole book; without If-Match it would silently undo what others did, so it is required. */
async function replace({ store, clock }: Deps, call: Call): Promise<Answer> {
  const { value } = await readJson(call);
  const wallMs = clock.wallMs();
  const decide = (current: Book) => {
    requireMatch(call.request.headers['if-match'], current, true);
    return mustBe(checkBook(value, wallMs));
  };
  return bookAnswer(200, store.change(call.id, decide, wallMs));
}

/** Changes the members that the patch names. They may rest on what was read, so If-Match is required too. */
async function patch({ store, clock }: Deps, call: Call): Promise<Answer> {
  const { value } = await readJson(call, ['application/merge-patch+json', 'application/json']);
  const wallMs = clock.wallMs();
  const decide = (current: Book) => {
    requireMatch(call.request.headers['if-match'], current, true);
    return mustBe(checkBook(mergePatch(writable(current), value), wallMs));
  };
  return bookAnswer(200, store.change(call.id, decide, wallMs));
}

function remove({ store }: Deps, call: Call): Answer {
  store.remove(call.id, (current) => requireMatch(call.request.headers['if-match'], current, false));
  return { status: 204 };
}

async function purchase(deps: Deps, call: Call): Promise<Answer> {
  const body = await readJson(call);
  const { quantity } = mustBe(checkQuantity(body.value));
  return once(deps, call, body, () => {
    const book = deps.store.purchase(call.id, quantity, deps.clock.wallMs());
    const total = { cents: book.price.cents * quantity, currency: book.price.currency };
    return json(200, { bookId: book.id, quantity, total, stock: book.stock }, { etag: entityTag(book) });
  });
}

async function restock(deps: Deps, call: Call): Promise<Answer> {
  const body = await readJson(call);
  const { quantity } = mustBe(checkQuantity(body.value));
  return once(deps, call, body, () => {
    const book = deps.store.restock(call.id, quantity, deps.clock.wallMs());
    return json(200, { bookId: book.id, quantity, stock: book.stock }, { etag: entityTag(book) });
  });
}

export function bookRoutes(deps: Deps): readonly Route[] {
  return [
    {
      pattern: '/books',
      methods: { GET: (call) => list(deps, call), POST: (call) => create(deps, call) },
    },
    {
      pattern: '/books/{id}',
      methods: {
        GET: (call) => read(deps, call),
        PUT: (call) => replace(deps, call),
        PATCH: (call) => patch(deps, call),
        DELETE: (call) => remove(deps, call),
      },
    },
    { pattern: '/books/{id}/purchase', methods: { POST: (call) => purchase(deps, call) } },
    { pattern: '/books/{id}/restock', methods: { POST: (call) => restock(deps, call) } },
  ];
}
