/**
 * One exchange: what was learned of the request, its end, its log line. The phases (proxy.ts) decide what
 * happens; sending it to a server is `Forwarding`'s part. Ends exactly once, by one of `answer…`, `finish`.
 */

import type { Ticket } from '../admit/index.ts';
import type { AnswerFilter, AnswerSink } from '../encode/index.ts';
import {
  buildIdentity,
  type ClientStream,
  HttpFault,
  type Identity,
  type RequestSink,
} from '../http/index.ts';
import type { Timer } from '../kernel/clock.ts';
import { REASONS, type Reason } from '../kernel/reason.ts';
import type { Placeholder } from '../kernel/template.ts';
import { type Address, type ClientKey, clientHash32, clientKeyOf, parseAddress } from '../limit/index.ts';
import { normalizeHost } from '../route/index.ts';
import type { AnswerBuffer, AnswerBufferEvents } from './answer-buffer.ts';
import type { OwnAnswer } from './answers.ts';
import { type HeldPlace, leavePlaces } from './concurrency-limits.ts';
import type { KeptBody } from './kept-body.ts';
import { LargeBody, PIECE_BYTES } from './large-body.ts';
import type { ListenerPlane, Plane, ProxyDeps, RoutePlane } from './plane.ts';
import { refusalAnswer } from './refusal.ts';

/** Who asks, under which name: worked out once and kept with the connection while it stays the same. */
export interface Asker {
  readonly authority: string;
  readonly identity: Identity;
  /** undefined for a peer without one (a Unix socket). */
  readonly address: Address | undefined;
  readonly key: ClientKey;
  readonly keyHash: number;
  readonly routeHost: string;
}

/** The same with the field block it came in; kept with the block. */
export interface RequestMemo {
  readonly asker: Asker;
  /** Host, passed fields, framing, identity, Via as they go to a server that gets the client's Host; '' = not made yet. */
  serverFields: string;
  /** They have been sent more than once. */
  isRepeated: boolean;
}

/** Fields that a server gets otherwise than the client sent them. */
export interface RequestChanges {
  /** Names, folded (`foldedName`), whose lines do not go to servers, nor their trailers. */
  readonly cleared: ReadonlySet<string>;
  /** Lines that do. */
  readonly lines: string;
}

export class Exchange implements RequestSink, AnswerBufferEvents {
  /** The wire's, or one that meters it. */
  stream: ClientStream;
  readonly plane: Plane;
  readonly listener: ListenerPlane;
  readonly deps: ProxyDeps;
  readonly memo: RequestMemo;
  readonly asker: Asker;
  readonly requestId: string;
  route: RoutePlane | null = null;
  /** The normal form of the path that was asked for; '' before a route was looked for. */
  path = '';
  /** Who sends the request on and gets its body; null when we answer ourselves. */
  relay: RequestSink | null = null;
  /** Changes the body of a server's answer; null = it goes as it is. */
  filter: AnswerFilter | null = null;
  /** Between that and the client: takes what the client is too slow for; null = the server waits. */
  buffer: AnswerBuffer | null = null;
  /** All of the request's body, where it was read before a server was chosen; null = it is passed on as it comes. */
  body: KeptBody | null = null;
  /** Lines that gates add to whatever is answered, and what they change of the request; null = nothing. */
  answerLines = '';
  requestChanges: RequestChanges | null = null;
  /** Who asks, as a gate has found out: the name of a user, and of the tenant that the request counts for; '' = nobody. */
  user = '';
  tenant = '';
  /** Of a pool that does not let everybody in. */
  ticket: Ticket | null = null;
  /** What a gate waits for; stopped when the exchange ends meanwhile. null = it waits for nothing by itself. */
  gateTimer: Timer | null = null;
  /** What this request counts for where requests at one time are limited; null = nothing. */
  places: HeldPlace | null = null;
  /** Of a gRPC call: how long its sides may be silent in the midst of it; 0 = it is none. */
  silenceMs = 0;
  /** What it ended with; -1 = it has not. */
  grpcStatus = -1;
  poolName = '';
  serverId = '';
  attempts = 0;
  upstreamMs = -1;
  status = 0;
  #isFinished = false;
  /** By ourselves. */
  #isAnswered = false;
  #isHeld = false;
  /** How long it has waited at gates: whole microseconds, for which no number has to be allocated. */
  #gatedUs = 0;

  constructor(stream: ClientStream, plane: Plane, listener: ListenerPlane, deps: ProxyDeps) {
    this.stream = stream;
    this.plane = plane;
    this.listener = listener;
    this.deps = deps;
    this.memo = memoOf(stream, listener);
    this.asker = this.memo.asker;
    this.requestId = this.asker.identity.requestId === '' ? deps.ids.next() : this.asker.identity.requestId;
    stream.sink = this;
  }

  /** Where the body of a server's answer goes. */
  get out(): AnswerSink {
    return this.filter ?? this.buffer ?? this.stream;
  }

  /** From when on servers are at it: behind its gates, and with all of a body that is read first. */
  get actedMs(): number {
    return this.body === null ? this.stream.startedMs + this.#gatedUs / 1000 : this.body.endMs;
  }

  /** All of a server's answer is here. */
  endAnswer(trailers: string): void {
    this.out.endAnswer(trailers);
    // What is compressed is over when that is done, what is buffered when the client has it.
    if (this.filter === null && this.buffer === null) this.finish('ok');
  }

  // ---- what the buffer tells (AnswerBufferEvents)

  onAnswerGiven(): void {
    this.finish('ok');
  }

  makeRoom(): void {
    if (this.filter === null) this.relay?.onClientDrain();
    else this.filter.onClientDrain();
  }

  /** It is over, or what is left is that the client takes our answer. */
  get isFinished(): boolean {
    return this.#isFinished || this.#isAnswered;
  }

  /** What a placeholder of a route's fields stands for. */
  look(placeholder: Placeholder): string {
    const { stream, asker } = this;
    switch (placeholder) {
      case 'client_ip':
        return asker.identity.clientIp;
      case 'scheme':
        return stream.client.tlsVersion === '' ? 'http' : 'https';
      case 'host':
        return asker.authority;
      case 'path':
        return this.path;
      case 'method':
        return stream.head.method;
      case 'request_id':
        return this.requestId;
      case 'route':
        return this.route?.name ?? '';
      case 'pool':
        return this.poolName;
      case 'server':
        return this.serverId;
      case 'user':
        return this.user;
      case 'tenant':
        return this.tenant;
      default:
        return placeholder satisfies never;
    }
  }

  // ---- waiting for somebody outside

  /**
   * The body waits until `answer` is known; then it goes on, unless the exchange has ended meanwhile. What has waited is read
   * on by whoever acts on the request, or thrown away by our answer.
   */
  hold(answer: Promise<boolean>, goOn: () => void): void {
    if (!this.stream.isRequestComplete) {
      this.#isHeld = true;
      this.stream.pauseBody(false);
    }
    answer
      .then((passes) => {
        if (!passes || this.isFinished) return;
        this.#gatedUs = Math.floor((this.deps.clock.nowMs() - this.stream.startedMs) * 1000);
        goOn();
      })
      .catch((error: unknown) => {
        this.deps.log.error('a gate failed', { request_id: this.requestId, error });
        this.onBodyFault(new HttpFault('internal', ''));
      });
  }

  /** Fields that servers get otherwise, beside what was changed before. */
  changeRequest({ cleared, lines }: RequestChanges): void {
    const before = this.requestChanges;
    this.requestChanges =
      before === null
        ? { cleared, lines }
        : { cleared: new Set([...before.cleared, ...cleared]), lines: before.lines + lines };
  }

  // ---- our own answers

  /** Answers with what a reason says. `fields` are further lines. */
  refuse(reason: Reason, detail: string, fields = ''): void {
    this.answer(refusalAnswer(this, reason, detail, fields), reason);
  }

  answer(answer: OwnAnswer<string | Buffer>, reason: Reason): void {
    if (this.isFinished) return;
    const { stream, answerLines } = this;
    // Whatever has waited of the body is not wanted; reading it may find a fault, which is answered in the place of this.
    if (this.#isHeld) {
      this.#isHeld = false;
      stream.resumeBody();
      if (this.isFinished) return;
    }
    this.#isAnswered = true;
    this.#dropServers();
    this.status = answer.head.status;
    const isHead = stream.head.method === 'HEAD';
    const head = isHead ? { ...answer.head, framing: 'none' as const } : answer.head;
    stream.startAnswer(answerLines === '' ? head : { ...head, fields: head.fields + answerLines });
    if (answer.body.length > 0 && !isHead) {
      const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
      // Who still sends over HTTP/1 may read nothing before it is done: it is given all, so that the rest can be thrown away.
      if (body.length > PIECE_BYTES && (stream.isRequestComplete || stream.protocol === 'HTTP/2')) {
        new LargeBody(this, body, reason).send();
        return;
      }
      stream.sendBody(body, 0, body.length);
    }
    stream.endAnswer('');
    this.finish(reason);
  }

  /** What a server had begun to answer was taken back: what changes and keeps it has no part in ours, nor in who hears of room. */
  #dropServers(): void {
    this.filter?.destroy();
    this.buffer?.drop();
    this.filter = this.buffer = null;
  }

  /** It failed in the midst of our answer: what the client has of it must not look whole. */
  #cutAnswer(reason: Reason): void {
    if (this.#isFinished) return;
    this.stream.abort();
    this.finish(reason);
  }

  /** The exchange is over: one log line, one count. */
  finish(reason: Reason): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.relay = null;
    this.filter?.destroy();
    this.buffer?.drop();
    this.gateTimer?.cancel();
    if (this.places !== null) leavePlaces(this.places);
    const { stream, deps } = this;
    stream.sink = null;
    const nowMs = deps.clock.nowMs();
    const durationMs = nowMs - stream.startedMs;
    const status = this.status === 0 ? REASONS[reason].status : this.status;
    (this.route?.cells ?? this.listener.noRoute).countRequest(
      reason,
      status,
      durationMs,
      stream.bytesIn,
      stream.bytesOut,
    );
    this.listener.cells.countRequest();
    this.ticket?.close(isServersFault(reason), nowMs);
    if (deps.accessLog) this.#log(reason, status, durationMs);
  }

  #log(reason: Reason, status: number, durationMs: number): void {
    const { stream, deps } = this;
    const record = deps.record;
    record.wallMs = deps.clock.wallMs();
    record.requestId = this.requestId;
    record.clientIp = this.asker.identity.clientIp;
    record.listener = this.listener.name;
    record.method = stream.head.method;
    record.host = this.asker.authority;
    record.target = stream.head.target;
    record.protocol = stream.protocol;
    record.route = this.route?.name ?? '';
    record.pool = this.poolName;
    record.server = this.serverId;
    record.status = status;
    record.reason = reason;
    record.durationMs = durationMs;
    record.upstreamMs = this.upstreamMs;
    record.attempts = this.attempts;
    record.bytesIn = stream.bytesIn;
    record.bytesOut = stream.bytesOut;
    record.user = this.user;
    record.tenant = this.tenant;
    record.tls = stream.client.tlsVersion;
    record.userAgent = stream.head.fields.userAgent;
    record.grpcStatus = this.grpcStatus;
    deps.accessLog?.write(record);
  }

  // ---- what the wire tells (RequestSink)

  onBodyData(chunk: Buffer): void {
    this.relay?.onBodyData(chunk);
  }
  onBodyEnd(trailers: string): void {
    this.relay?.onBodyEnd(trailers);
  }
  onBodyFault(fault: HttpFault): void {
    if (this.relay) this.relay.onBodyFault(fault);
    else if (this.#isAnswered) this.#cutAnswer(fault.reason);
    else this.refuse(fault.reason, fault.detail);
  }
  onClientGone(): void {
    if (this.relay) this.relay.onClientGone();
    else this.finish('client_abort');
  }
  onClientDrain(): void {
    if (this.buffer === null) this.makeRoom();
    else this.buffer.onClientDrain();
  }
  heldBytes(): number {
    const filterBytes = this.filter === null ? 0 : this.filter.heldBytes;
    const bufferBytes = this.buffer === null ? 0 : this.buffer.heldBytes;
    return (this.relay?.heldBytes() ?? 0) + filterBytes + bufferBytes;
  }
}

/** Asked for an answer, no server gave one. */
function isServersFault(reason: Reason): boolean {
  switch (reason) {
    case 'connect_error':
    case 'upstream_reset':
    case 'upstream_timeout':
    case 'bad_upstream':
      return true;
    default:
      return false;
  }
}

function memoOf(stream: ClientStream, listener: ListenerPlane): RequestMemo {
  const { fields, authority } = stream.head;
  const known = fields.memo as RequestMemo | null;
  if (known !== null && known.asker.authority === authority) return known;
  const memo: RequestMemo = { asker: askerOf(stream, listener), serverFields: '', isRepeated: false };
  fields.memo = memo;
  return memo;
}

function askerOf(stream: ClientStream, listener: ListenerPlane): Asker {
  const { head, client } = stream;
  const { incoming } = head.fields;
  const known = client.memo as Asker | null;
  // What a trusted proxy says differs from request to request; a stranger's own address does not.
  if (known !== null && incoming === null && known.authority === head.authority) return known;
  const identity = buildIdentity({
    peerAddress: client.peerAddress,
    localPort: client.localPort,
    isTls: client.tlsVersion !== '',
    authority: head.authority,
    incoming,
    isTrusted: (ip) => listener.isTrusted(ip),
  });
  const address = parseAddress(identity.clientIp);
  const key = clientKeyOf(address);
  const asker: Asker = {
    authority: head.authority,
    identity,
    address,
    key,
    // Unseeded: ip_hash must send a client to the same server from every thread and after a restart.
    keyHash: clientHash32(key),
    routeHost: normalizeHost(head.authority),
  };
  if (incoming === null) client.memo = asker;
  return asker;
}
