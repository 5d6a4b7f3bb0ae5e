/**
 * Copies of a route's requests for another pool, so that a new version sees real traffic. Whatever becomes of a copy, the
 * client gets what it would get without: the answer is read and thrown away, nothing is tried again, nobody waits for room.
 *
 *   request ─▶ drawn ─▶ body complete ─▶ room ─▶ let in ─▶ a server ─▶ sent (mirror-attempt.ts) ─▶ ok | failed
 *                └ unfit    └ too_large    └ busy    └ busy     └ no_server
 *
 * What is not complete when its exchange ends (the client left, the answer came early) is no request to copy.
 */
import type { ServerRequest } from '../forward/index.ts';
import type { HttpFault, RequestSink } from '../http/index.ts';
import { errorText } from '../kernel/errors.ts';
import { NORMAL_RANK } from '../kernel/priority.ts';
import type { Random } from '../kernel/random.ts';
import type { MirrorResult } from '../observe/index.ts';
import type { PoolServer } from '../pool/index.ts';
import type { Exchange } from './exchange.ts';
import { hashKeyOf } from './hash-key.ts';
import { KeptBody, NO_BODY } from './kept-body.ts';
import { MirrorAttempt } from './mirror-attempt.ts';
import type { PoolPlane, RoutePlane } from './plane.ts';
import { type BodySoFar, introduction, serverRequest, trailersForServer } from './request-text.ts';

/** A larger body would cost more memory than a copy is worth. */
const MAX_BODY_BYTES = 64 * 1024;
/** Copies of a route that one thread has under way: with their bodies 6 MiB at most. */
const MAX_IN_FLIGHT = 100;
/** Tells servers that nobody waits for their answer. */
const MARK = 'X-Sluice-Mirror: 1';
/** What has it is a copy already: copied again it could go round in circles. */
const IS_MARKED = /^x-sluice-mirror:/im;

const FULL = { kind: 'refused' } as const;

export interface MirrorOptions {
  readonly pool: string;
  /** Of the requests, 0 to 1. */
  readonly share: number;
}

/** What one thread has under way for a route. Reloads keep it. */
export interface MirrorPlaces {
  taken: number;
}

/** What of a request decides whether it is copied. */
export interface MirrorFacts {
  /** 0 to 1. */
  readonly draw: number;
  readonly isMarked: boolean;
  /** It means its connection: an upgrade, a login by NTLM or Negotiate. */
  readonly bindsConnection: boolean;
  /** Of the body, as far as it is known; -1 = it is not. */
  readonly contentLength: number;
}

/** `skip` is not counted: such a request was not to be copied. */
export function decideMirror(share: number, facts: MirrorFacts): 'copy' | 'skip' | 'unfit' | 'too_large' {
  if (facts.draw >= share || facts.isMarked) return 'skip';
  if (facts.bindsConnection) return 'unfit';
  return facts.contentLength > MAX_BODY_BYTES ? 'too_large' : 'copy';
}

/** Whether a request with these field lines is a copy. */
export function isMirrored(fieldLines: string): boolean {
  return IS_MARKED.test(fieldLines);
}

export class Mirror {
  readonly #options: MirrorOptions;
  readonly #places: MirrorPlaces;
  readonly #random: Random;

  constructor(options: MirrorOptions, places: MirrorPlaces, random: Random) {
    this.#options = options;
    this.#places = places;
    this.#random = random;
  }

  /** Of a request that goes to a server, before it does: its relay is there already. */
  begin(exchange: Exchange): void {
    const { stream } = exchange;
    const { fields, upgrade } = stream.head;
    const decision = decideMirror(this.#options.share, {
      draw: this.#random.next(),
      isMarked: isMirrored(fields.forward),
      bindsConnection: upgrade !== '' || fields.bindsConnection,
      contentLength: fields.contentLength,
    });
    if (decision === 'skip') return;
    if (decision !== 'copy') count(exchange, decision);
    else if (exchange.body !== null) this.#sendBuffered(exchange, exchange.body);
    else if (stream.isRequestComplete) this.send(exchange, NO_BODY);
    else exchange.relay = new CopyingRelay(exchange, exchange.relay as RequestSink, this);
  }

  /** All of the body has been waited for already. */
  #sendBuffered(exchange: Exchange, body: KeptBody): void {
    if (body.sizeBytes > MAX_BODY_BYTES) count(exchange, 'too_large');
    else this.send(exchange, body);
  }

  /** Nothing that goes wrong here is the exchange's affair. */
  send(exchange: Exchange, body: BodySoFar): void {
    try {
      this.#send(exchange, body);
    } catch (error) {
      exchange.deps.log.error('a copy of a request could not be sent', {
        request_id: exchange.requestId,
        error: errorText(error),
      });
      count(exchange, 'failed');
    }
  }

  #send(exchange: Exchange, body: BodySoFar): void {
    const { deps, plane } = exchange;
    const pool = plane.pools.get(this.#options.pool);
    if (pool === undefined) {
      count(exchange, 'no_server');
      return;
    }
    const nowMs = deps.clock.nowMs();
    const ticket = this.#places.taken < MAX_IN_FLIGHT ? (pool.admission?.enter(nowMs) ?? null) : FULL;
    if (ticket?.kind === 'refused') {
      count(exchange, 'busy');
      return;
    }
    const lease = pool.pool.pick({
      hashKey: hashKeyOf(pool.pool.hashKey, exchange.stream.head, exchange.asker.keyHash),
      // Clients never get a cookie of this pool.
      cookieHeader: null,
      tried: [],
      secure: false,
      priority: NORMAL_RANK,
      nowMs,
    });
    if (lease.kind === 'none') {
      ticket?.close(false, nowMs);
      count(exchange, lease.reason === 'busy' || lease.reason === 'queue_full' ? 'busy' : 'no_server');
      return;
    }
    const { server } = lease;
    const attempt = new MirrorAttempt(this.#places, {
      deps,
      requestId: exchange.requestId,
      cells: (exchange.route as RoutePlane).cells,
      lease,
      ticket,
      request: copyOf(exchange, pool, server, body),
    });
    // It is not sent twice, so not on a connection that its server may be about to close.
    attempt.start(pool.connectionsOf(server).take('recent', introduction(exchange, pool)));
  }
}

/** The request as a server of the exchange would get it, and the mark. Made at once: the exchange may be over when it goes. */
function copyOf(exchange: Exchange, pool: PoolPlane, server: PoolServer, body: BodySoFar): ServerRequest {
  const { poolName, serverId } = exchange;
  // What placeholders stand for.
  exchange.poolName = pool.pool.name;
  exchange.serverId = server.id;
  try {
    const request = serverRequest(exchange, pool.host, server, body);
    const text = `${request.text.slice(0, -2)}${MARK}\r\n\r\n`;
    return { ...request, text, takesLargePieces: false, silenceMs: 0 };
  } finally {
    exchange.poolName = poolName;
    exchange.serverId = serverId;
  }
}

function count(exchange: Exchange, result: MirrorResult): void {
  exchange.route?.cells.countMirrored(result);
}

/** Stands before who sends a request on until its body is complete, and keeps a copy. */
class CopyingRelay implements RequestSink {
  readonly #exchange: Exchange;
  readonly #relay: RequestSink;
  readonly #mirror: Mirror;
  readonly #copy = new KeptBody();

  constructor(exchange: Exchange, relay: RequestSink, mirror: Mirror) {
    this.#exchange = exchange;
    this.#relay = relay;
    this.#mirror = mirror;
  }

  onBodyData(chunk: Buffer): void {
    if (this.#copy.sizeBytes + chunk.length > MAX_BODY_BYTES) {
      this.#stepAside();
      count(this.#exchange, 'too_large');
    } else this.#copy.add(chunk);
    this.#relay.onBodyData(chunk);
  }

  onBodyEnd(trailers: string): void {
    this.#stepAside();
    const { deps } = this.#exchange;
    this.#copy.end(trailersForServer(this.#exchange, trailers), deps.clock.nowMs());
    this.#relay.onBodyEnd(trailers);
    this.#mirror.send(this.#exchange, this.#copy);
  }

  #stepAside(): void {
    this.#exchange.relay = this.#relay;
  }

  onBodyFault(fault: HttpFault): void {
    this.#relay.onBodyFault(fault);
  }
  onClientGone(): void {
    this.#relay.onClientGone();
  }
  onClientDrain(): void {
    this.#relay.onClientDrain();
  }
  heldBytes(): number {
    return this.#relay.heldBytes() + this.#copy.sizeBytes;
  }
}
