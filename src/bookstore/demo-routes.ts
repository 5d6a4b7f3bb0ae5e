/** What is there to be looked at or to be put through a proxy: index, health, metrics, slow, big, echo, faults. */
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../kernel/clock.ts';
import { errorText } from '../kernel/errors.ts';
import { readJson } from './body.ts';
import { type Answer, type Call, json, letContinue, oneParameter, pause } from './call.ts';
import { checkFaults, type Faults } from './faults.ts';
import type { BookstoreMetrics } from './metrics.ts';
import { invalid, Problem } from './problem.ts';
import type { Route } from './router.ts';
import type { BookStore } from './store.ts';

interface Deps {
  readonly store: BookStore;
  readonly clock: Clock;
  readonly metrics: BookstoreMetrics;
  /** Undefined: there is no /faults. */
  readonly faults: Faults | undefined;
  readonly server: () => string;
  readonly isClosing: () => boolean;
}

const MAX_SLOW_MS = 10_000;
const MAX_STREAM_BYTES = 2 * 1024 ** 3;

/**
 * 65 521 bytes, a prime: no power-of-two buffer divides it, so that a lost, doubled or moved piece of a stream
 * changes its checksum. Byte n of `GET /big` is byte n mod 65 521 of this block.
 */
export function bigBlock(): Buffer {
  const block = Buffer.allocUnsafe(65_521);
  for (let at = 0; at < block.length; at++) block[at] = (at * 31 + (at >> 8)) & 0xff;
  return block;
}

function index({ server, faults }: Deps): Answer {
  return json(200, {
    name: 'Bookstore',
    server: server(),
    links: {
      books: '/books?limit=&cursor=&q=&genre=&sort=',
      book: '/books/{id}',
      purchase: '/books/{id}/purchase',
      restock: '/books/{id}/restock',
      health: '/healthz',
      metrics: '/metrics',
      slow: '/slow?ms=',
      big: '/big?bytes=&chunked=',
      echo: '/echo',
      ...(faults ? { faults: '/faults' } : {}),
    },
  });
}

function health(deps: Deps): Answer {
  const fail = (why: string) => json(503, { status: 'unhealthy', server: deps.server(), why });
  if (deps.isClosing()) return fail('shutting down');
  if (deps.faults?.isUnhealthy) return fail('made unhealthy by POST /faults');
  try {
    deps.store.probe();
  } catch (error) {
    return fail(`database: ${errorText(error)}`);
  }
  return json(200, { status: 'ok', server: deps.server() }, { 'cache-control': 'no-store' });
}

async function metrics(deps: Deps): Promise<Answer> {
  return { status: 200, type: deps.metrics.contentType, body: await deps.metrics.render() };
}

async function slow({ clock }: Deps, call: Call): Promise<Answer> {
  const ms = oneParameter(call, 'ms', { min: 0, max: MAX_SLOW_MS, fallback: 1000 });
  await pause(clock, call, ms);
  return json(200, { sleptMs: ms });
}

function* bigChunks(sizeBytes: number): Generator<Buffer> {
  const block = bigBlock();
  for (let left = sizeBytes; left > 0; left -= block.length) {
    yield left >= block.length ? block : block.subarray(0, left);
  }
}

/** `chunked=1` leaves the length away, so that HTTP/1.1 sends the chunked coding. */
async function big(call: Call): Promise<'streamed'> {
  const bytes = oneParameter(call, 'bytes', { min: 0, max: MAX_STREAM_BYTES, fallback: 1024 ** 2 });
  const isChunked = oneParameter(call, 'chunked', { min: 0, max: 1, fallback: 0 }) === 1;
  call.response.writeHead(200, {
    'content-type': 'application/octet-stream',
    ...(isChunked ? {} : { 'content-length': bytes }),
  });
  if (call.method === 'HEAD') call.response.end();
  else await pipeline(Readable.from(bigChunks(bytes), { objectMode: false }), call.response);
  return 'streamed';
}

function limitBytes(maxBytes: number): Transform {
  let sizeBytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length;
      if (sizeBytes <= maxBytes) done(null, chunk);
      else done(new Error(`an echo ends at ${maxBytes} bytes`));
    },
  });
}

/** Sends the body back while it comes in: the answer begins before the request has ended. */
async function echo(call: Call): Promise<'streamed'> {
  const { headers } = call.request;
  const length = headers['content-length'];
  if (Number(length ?? 0) > MAX_STREAM_BYTES) {
    throw new Problem(413, 'too_large', `An echo may have at most ${MAX_STREAM_BYTES} bytes`);
  }
  letContinue(call);
  call.response.writeHead(200, {
    'content-type': headers['content-type'] ?? 'application/octet-stream',
    'x-content-type-options': 'nosniff',
    ...(length === undefined ? {} : { 'content-length': length }),
  });
  await pipeline(call.request, limitBytes(MAX_STREAM_BYTES), call.response);
  return 'streamed';
}

async function setFaults(faults: Faults, call: Call): Promise<Answer> {
  const checked = checkFaults((await readJson(call)).value);
  if (!checked.ok) throw invalid(checked.errors);
  faults.set(checked.value);
  return json(200, faults);
}

function clearFaults(faults: Faults): Answer {
  faults.clear();
  return { status: 204 };
}

export function demoRoutes(deps: Deps): readonly Route[] {
  const { faults } = deps;
  const routes: Route[] = [
    { pattern: '/', methods: { GET: () => index(deps) } },
    { pattern: '/healthz', methods: { GET: () => health(deps) }, isRaw: true },
    { pattern: '/metrics', methods: { GET: () => metrics(deps) }, isRaw: true },
    { pattern: '/slow', methods: { GET: (call) => slow(deps, call) } },
    { pattern: '/big', methods: { GET: (call) => big(call) }, isRaw: true },
    { pattern: '/echo', methods: { POST: (call) => echo(call) }, isRaw: true },
  ];
  if (faults) {
    routes.push({
      pattern: '/faults',
      methods: {
        GET: () => json(200, faults),
        POST: (call) => setFaults(faults, call),
        DELETE: () => clearFaults(faults),
      },
    });
  }
  return routes;
}
