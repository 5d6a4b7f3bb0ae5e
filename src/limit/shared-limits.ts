/**
 * Limits that several daemons share, in Redis or Valkey: one connection a thread, counted by rate-limiter-flexible (a
 * window a key, that begins with its first request; one script, so that it is exact).
 *
 *   connecting ──it counts──▶ shared ──lost, no answer in time, refuses──▶ local ──it counts──▶ shared
 *        └──────────────────not reachable, or it refuses us────────────────▲
 *
 * It counts: a key of our own is counted as those of clients are. A PING would be answered also by a replica, by one that has no
 * memory left or cannot save, and by one where we may not write: all of these would be shared and local in turns.
 *
 * Nobody waits for a Redis that does not answer: when the oldest question is overdue (answers come in order) all that
 * wait are told to decide locally, at once, and so is everyone after them until it answers again. A connection that stays
 * silent is made anew. The package's own insurance limiter is not used: it would count in each thread by itself, while the
 * limiter in shared memory, which is asked before anyway, knows all threads and what was let in until now.
 * The packages are loaded with the first such limit.
 */
import type { RedisClientType } from '@redis/client';
import type { RateLimiterRedis } from 'rate-limiter-flexible';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';
import { errorText } from '../kernel/errors.ts';
import { type Linked, LinkedSet } from '../kernel/linked-set.ts';
import type { RateRule } from './rule.ts';

export interface SharedLimitsOptions {
  /** `redis://host:port/db` or `rediss://…`, without a password. */
  readonly url: string;
  readonly username: string | null;
  readonly password: string | null;
  /** All keys begin with it. */
  readonly prefix: string;
  /** How long an answer is waited for; it may take a tenth of a second longer. */
  readonly timeoutMs: number;
  /** PEM text that replaces the system's authorities; null = those. */
  readonly ca: string | null;
}

export interface SharedLimitsDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  onShared(localMs: number): void;
  onLocal(why: string): void;
  /** A request was decided locally for want of an answer. */
  onLocalRequest(): void;
}

export interface SharedAnswer {
  readonly allowed: boolean;
  /** Until the window of this key ends. */
  readonly resetMs: number;
}

/** A question that waits; `settle` is called once. */
interface Question extends Linked<Question> {
  readonly sinceMs: number;
  settle(answer: SharedAnswer | null): void;
}

/** As far as it is used here, whatever protocol it speaks. */
type Client = Pick<RedisClientType, 'isReady' | 'destroy'>;
type Mode = 'connecting' | 'shared' | 'local' | 'closed';

const PROBE_MS = 500;
/** What is counted to see whether it does, for how long, and more often than it is ever asked. */
const PROBE = { key: 'probe', seconds: 1, points: 1e9 };
/** A probe that has no answer for so long will have none. */
const DEAD_MS = 3000;
const CONNECT_MS = 2000;
const LONGEST_PAUSE_MS = 1000;

export class SharedLimits implements Expiring {
  /** Always due: it looks each tick. */
  deadlineMs = 0;
  deadlineIndex = -1;
  readonly #options: SharedLimitsOptions;
  readonly #deps: SharedLimitsDeps;
  readonly #questions = new LinkedSet<Question>();
  #mode: Mode = 'connecting';
  #modeSinceMs: number;
  #client: Client | null = null;
  #limiters = new WeakMap<RateRule, RateLimiterRedis>();
  #makeLimiter: ((rule: RateRule) => RateLimiterRedis) | null = null;
  /** When the probe that has no answer yet was sent; 0 = there is none. */
  #probedMs = 0;
  #nextProbeMs = 0;
  #probeLimiter: RateLimiterRedis | null = null;

  constructor(options: SharedLimitsOptions, deps: SharedLimitsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#modeSinceMs = deps.clock.nowMs();
    deps.deadlines.add(this);
    void this.#connect();
  }

  /** Whether it can be asked; else decide locally. */
  get isShared(): boolean {
    return this.#mode === 'shared';
  }

  /**
   * Counts a request.
   * @param key fit for a key of Redis, the same on all daemons
   * @returns null when there was no answer in time
   */
  take(rule: RateRule, key: string): Promise<SharedAnswer | null> {
    const limiter = this.#mode === 'shared' ? this.#limiterOf(rule) : null;
    if (limiter === null) return Promise.resolve(null);
    return new Promise((resolve) => {
      const questions = this.#questions;
      const question: Question = {
        previous: null,
        next: null,
        sinceMs: this.#deps.clock.nowMs(),
        settle: (answer) => {
          if (questions.delete(question)) resolve(answer);
        },
      };
      questions.add(question);
      limiter.consume(key).then(
        ({ msBeforeNext }) => question.settle({ allowed: true, resetMs: msBeforeNext }),
        (refused: unknown) => {
          if (refused instanceof Error) {
            this.#goLocal(errorText(refused));
            question.settle(null);
          } else
            question.settle({ allowed: false, resetMs: (refused as { msBeforeNext: number }).msBeforeNext });
        },
      );
    });
  }

  /** A request was decided locally. */
  noteLocal(): void {
    this.#deps.onLocalRequest();
  }

  close(): void {
    this.#become('closed');
    this.#deps.deadlines.remove(this);
    this.#settleAll();
    this.#client?.destroy();
    this.#client = null;
  }

  // ---- the connection

  async #connect(): Promise<void> {
    try {
      const [{ createClient }, { RateLimiterRedis }] = await Promise.all([
        import('@redis/client'),
        import('rate-limiter-flexible'),
      ]);
      if (this.#mode === 'closed') return;
      const { url, username, password, prefix, ca } = this.#options;
      const client = createClient({
        url,
        // What Redis before version 6 speaks too.
        RESP: 2,
        ...(username === null ? {} : { username }),
        ...(password === null ? {} : { password }),
        disableOfflineQueue: true,
        socket: {
          connectTimeout: CONNECT_MS,
          reconnectStrategy: (tries) => Math.min(LONGEST_PAUSE_MS, 50 * 2 ** Math.min(tries, 10)),
          ...(ca === null ? {} : { tls: true as const, ca }),
        },
      });
      this.#client = client;
      this.#limiters = new WeakMap();
      const limiterOf = (keyPrefix: string, points: number, duration: number): RateLimiterRedis =>
        new RateLimiterRedis({
          storeClient: client,
          useRedisPackage: true,
          rejectIfRedisNotReady: true,
          keyPrefix,
          points,
          duration,
        });
      this.#probeLimiter = limiterOf(prefix, PROBE.points, PROBE.seconds);
      this.#makeLimiter = ({ name, count, windowMs }) =>
        limiterOf(`${prefix}:${name}:${count}/${windowMs}`, count, windowMs / 1000);
      // Ready is who may also ask: without the password that is wanted nothing is counted.
      client.on('ready', () => this.#ask(client));
      client.on('error', (error: unknown) => this.#onLost(client, errorText(error)));
      await client.connect();
    } catch (error) {
      // Until it can be reached the client tries again by itself; what it throws it has also said.
      this.#goLocal(errorText(error));
    }
  }

  #onCounted(client: Client): void {
    if (client !== this.#client) return;
    this.#probedMs = 0;
    this.#become('shared');
  }

  #onLost(client: Client, why: string): void {
    if (client !== this.#client) return;
    this.#probedMs = 0;
    this.#goLocal(why);
  }

  #limiterOf(rule: RateRule): RateLimiterRedis | null {
    const known = this.#limiters.get(rule);
    if (known !== undefined) return known;
    const limiter = this.#makeLimiter?.(rule) ?? null;
    if (limiter !== null) this.#limiters.set(rule, limiter);
    return limiter;
  }

  // ---- the mode

  #goLocal(why: string): void {
    if (this.#mode === 'closed') return;
    if (this.#mode !== 'local') {
      this.#become('local');
      this.#deps.onLocal(why);
    }
    this.#settleAll();
  }

  #become(mode: Mode): void {
    const before = this.#mode;
    if (before === mode || before === 'closed') return;
    const nowMs = this.#deps.clock.nowMs();
    const sinceMs = this.#modeSinceMs;
    this.#mode = mode;
    this.#modeSinceMs = nowMs;
    this.#probedMs = 0;
    this.#nextProbeMs = nowMs + PROBE_MS;
    if (mode === 'shared') this.#deps.onShared(before === 'local' ? nowMs - sinceMs : 0);
  }

  #settleAll(): void {
    for (let first = this.#questions.first; first !== null; first = this.#questions.first) first.settle(null);
  }

  onDeadline(nowMs: number): void {
    const oldest = this.#questions.first;
    if (oldest !== null && nowMs - oldest.sinceMs > this.#options.timeoutMs)
      this.#goLocal(`no answer within ${this.#options.timeoutMs} ms`);
    if (this.#mode !== 'shared') this.#probe(nowMs);
  }

  /** Asks a connection that was too slow, or refused, whether it counts again. */
  #probe(nowMs: number): void {
    const client = this.#client;
    if (client === null || !client.isReady) return;
    if (this.#probedMs > 0) {
      if (nowMs - this.#probedMs < DEAD_MS) return;
      this.#probedMs = 0;
      this.#client = null;
      client.destroy();
      void this.#connect();
      return;
    }
    if (nowMs >= this.#nextProbeMs) this.#ask(client);
  }

  #ask(client: Client): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#probedMs = nowMs;
    this.#nextProbeMs = nowMs + PROBE_MS;
    this.#probeLimiter?.consume(PROBE.key).then(
      () => this.#onCounted(client),
      (error: unknown) => this.#onLost(client, errorText(error)),
    );
  }
}
