/**
 * The first phase of a connection whose listener speaks the PROXY protocol: reads the header and nothing else. What came
 * behind it goes back to the socket, for TLS or HTTP to find as if nothing had stood before it. The phase has one
 * deadline from the accept on, which no byte moves.
 *
 * A header is believed from trusted peers only. From a stranger it is a lie about who he is, and ends his connection: passed
 * on it would be a bad request at best.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';
import { type ProxiedAddresses, readProxyHeader } from './proxy-protocol.ts';

export interface ProxyProtocolSettings {
  /** Without a header there is no service. */
  readonly isRequired: boolean;
  /** From the accept to the end of the header; without a header, to the first bytes. */
  readonly timeoutMs: number;
}

/** Why a connection is closed in this phase. */
export type ProxyRefusal = 'untrusted' | 'missing' | 'malformed' | 'timeout';

export type ProxyOutcome =
  /** No header, and none needed: what came is the connection's own. */
  | { readonly kind: 'none' }
  /** The proxy speaks for itself, or does not say for whom. */
  | { readonly kind: 'local' }
  | { readonly kind: 'proxied'; readonly addresses: ProxiedAddresses }
  | { readonly kind: 'refused'; readonly refusal: ProxyRefusal; readonly why: string }
  /** The peer left without having said anything whole. */
  | { readonly kind: 'gone' };

const FIRST_BYTES = 256;

export class ProxyPhase implements Expiring {
  deadlineMs: number;
  deadlineIndex = -1;
  readonly #socket: Socket;
  readonly #isTrusted: boolean;
  readonly #settings: ProxyProtocolSettings;
  readonly #deadlines: Deadlines;
  readonly #onOutcome: (outcome: ProxyOutcome) => void;
  /** The first `#length` bytes of it have come. */
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** `#bytes` was made here; else it is the first chunk as it came. */
  #isOwn = false;
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  readonly #onGone = (): void => this.#settle({ kind: 'gone' }, 0);

  /** Begins to read. `onOutcome` is called once, never before this returns; the socket is paused then. */
  constructor(
    socket: Socket,
    isTrusted: boolean,
    settings: ProxyProtocolSettings,
    deps: { readonly clock: Clock; readonly deadlines: Deadlines },
    onOutcome: (outcome: ProxyOutcome) => void,
  ) {
    this.#socket = socket;
    this.#isTrusted = isTrusted;
    this.#settings = settings;
    this.#deadlines = deps.deadlines;
    this.#onOutcome = onOutcome;
    this.deadlineMs = deps.clock.nowMs() + settings.timeoutMs;
    deps.deadlines.add(this);
    socket.on('data', this.#onData);
    socket.on('end', this.#onGone);
    socket.on('error', this.#onGone);
    socket.on('close', this.#onGone);
  }

  onDeadline(): void {
    const why = `no whole header within ${this.#settings.timeoutMs} ms`;
    this.#settle({ kind: 'refused', refusal: 'timeout', why }, 0);
  }

  #take(chunk: Buffer): void {
    this.#keep(chunk);
    const reading = readProxyHeader(this.#bytes.subarray(0, this.#length));
    switch (reading.kind) {
      case 'more':
        return;
      case 'absent':
        if (this.#settings.isRequired)
          this.#refuse('missing', 'the connection does not begin with a PROXY header');
        else this.#settle({ kind: 'none' }, 0);
        return;
      case 'malformed':
      case 'local':
      case 'proxied':
        if (!this.#isTrusted) this.#refuse('untrusted', 'the peer is not one of trusted_proxies');
        else if (reading.kind === 'malformed') this.#refuse('malformed', reading.why);
        else this.#settle(reading, reading.size);
        return;
      default:
        reading satisfies never;
    }
  }

  /** Whoever drips must not make us copy all that came before with each drop. */
  #keep(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (this.#length === 0) this.#bytes = chunk;
    else {
      if (!this.#isOwn || length > this.#bytes.length) {
        const larger = Buffer.allocUnsafe(Math.max(FIRST_BYTES, 2 * length));
        this.#bytes.copy(larger, 0, 0, this.#length);
        this.#bytes = larger;
        this.#isOwn = true;
      }
      chunk.copy(this.#bytes, this.#length);
    }
    this.#length = length;
  }

  #refuse(refusal: ProxyRefusal, why: string): void {
    this.#settle({ kind: 'refused', refusal, why }, 0);
  }

  /** @param used bytes of the header */
  #settle(outcome: ProxyOutcome, used: number): void {
    const socket = this.#socket;
    this.#deadlines.remove(this);
    socket.off('data', this.#onData);
    socket.off('end', this.#onGone);
    socket.off('error', this.#onGone);
    socket.off('close', this.#onGone);
    socket.pause();
    if (used < this.#length) socket.unshift(this.#bytes.subarray(used, this.#length));
    this.#onOutcome(outcome);
  }
}
