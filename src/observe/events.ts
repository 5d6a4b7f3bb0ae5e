import type { Clock } from '../kernel/clock.ts';
import { SluiceError } from '../kernel/errors.ts';

/**
 * What happens in the daemon, as typed events on the main thread: for the admin stream, hooks and the audit,
 * and for tests, which wait for what happened and never for how long it takes.
 *
 * A listener that throws is reported and never stops the emitter or the other listeners. Rejected:
 * node:events, whose names and payloads are untyped, and where one thrown error in a listener unwinds the emitter.
 */
export interface EventMap {
  /** A server's state changed; the words are those of the architecture: healthy, unhealthy, ejected, draining, … */
  server_state: {
    readonly pool: string;
    readonly server: string;
    readonly from: string;
    readonly to: string;
    readonly why: string;
  };
  /** A server was added to, changed in or removed from a pool while running. */
  server_change: {
    readonly pool: string;
    readonly server: string;
    readonly change: 'added' | 'changed' | 'removed';
    readonly by: string;
  };
  /** A name in DNS stands for other servers, or asking for it began to fail, to be empty, to work again. */
  discovery: {
    readonly pool: string;
    readonly name: string;
    readonly outcome: 'found' | 'empty' | 'failed';
    /** How many it stands for now, those that stayed included. */
    readonly servers: number;
    readonly why: string;
  };
  /** A reload ended. `kept`, `added`, `removed` name parts as `kind name`. */
  reload: {
    readonly ok: boolean;
    readonly generation: number;
    readonly kept: readonly string[];
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly why: string;
  };
  /** A configuration was refused; nothing changed. */
  config_error: { readonly file: string; readonly errors: readonly string[] };
  listener: {
    readonly listener: string;
    readonly state: 'listening' | 'draining' | 'closed' | 'failed';
    readonly address: string;
    readonly why: string;
  };
  thread_start: { readonly thread: number };
  thread_exit: {
    readonly thread: number;
    readonly exitCode: number;
    readonly expected: boolean;
    readonly why: string;
  };
  certificate: {
    readonly certificate: string;
    readonly state: 'loaded' | 'reloaded' | 'expires_soon' | 'failed';
    readonly why: string;
  };
  /** The daemon's own life. */
  life: { readonly state: 'starting' | 'ready' | 'draining' | 'stopped' };
}

export type EventName = keyof EventMap;

/** One event with its name, as `onAny` hands it over. */
export type AnyEvent = {
  [K in EventName]: { readonly name: K; readonly wallMs: number; readonly payload: EventMap[K] };
}[EventName];

type Listener<K extends EventName> = (payload: EventMap[K]) => void;

export class Events {
  readonly #clock: Clock;
  readonly #onFault: (name: EventName, thrown: unknown) => void;
  // One set a name; the key ties a set's payload type to its name, which TypeScript cannot express in a Map.
  readonly #listeners = new Map<EventName, Set<(payload: never) => void>>();
  readonly #anyListeners = new Set<(event: AnyEvent) => void>();

  /** @param onFault is told what a listener threw, as a rule `log.error`. */
  constructor(clock: Clock, onFault: (name: EventName, thrown: unknown) => void) {
    this.#clock = clock;
    this.#onFault = onFault;
  }

  /** Calls `listener` on every event of this name; the answer takes it off again. */
  on<K extends EventName>(name: K, listener: Listener<K>): () => void {
    let set = this.#listeners.get(name);
    if (!set) {
      set = new Set();
      this.#listeners.set(name, set);
    }
    set.add(listener);
    return () => {
      set.delete(listener);
    };
  }

  /** Calls `listener` on every event; the answer takes it off again. */
  onAny(listener: (event: AnyEvent) => void): () => void {
    this.#anyListeners.add(listener);
    return () => {
      this.#anyListeners.delete(listener);
    };
  }

  emit<K extends EventName>(name: K, payload: EventMap[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as Listener<K>)(payload);
      } catch (thrown) {
        this.#onFault(name, thrown);
      }
    }
    if (this.#anyListeners.size === 0) return;
    const event = { name, wallMs: this.#clock.wallMs(), payload } as AnyEvent;
    for (const listener of [...this.#anyListeners]) {
      try {
        listener(event);
      } catch (thrown) {
        this.#onFault(name, thrown);
      }
    }
  }

  /**
   * Resolves with the next event of this name that `fits`. After `timeoutMs` it fails with an error that names the
   * event and shows the last payloads that did not fit, so that a hanging test says what it waited for.
   */
  once<K extends EventName>(
    name: K,
    fits: (payload: EventMap[K]) => boolean = () => true,
    timeoutMs = 10_000,
  ): Promise<EventMap[K]> {
    return new Promise((resolve, reject) => {
      const misfits: EventMap[K][] = [];
      const off = this.on(name, (payload) => {
        if (!fits(payload)) {
          misfits.push(payload);
          if (misfits.length > 5) misfits.shift();
          return;
        }
        timer.cancel();
        off();
        resolve(payload);
      });
      const timer = this.#clock.setTimer(timeoutMs, () => {
        off();
        const seen =
          misfits.length === 0
            ? 'none of that name came'
            : `these came and did not fit: ${misfits.map((one) => JSON.stringify(one)).join(', ')}`;
        reject(new SluiceError('event_timeout', `waited ${timeoutMs} ms for the event "${name}"; ${seen}`));
      });
    });
  }
}
