/**
 * The contract of everything long-lived: start and stop, each idempotent, stoppable before it was started
 * and while it starts; `stop` resolves only when nothing of it runs any more. A stopped service stays stopped.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The book-keeping of the contract; subclasses write `onStart` and `onStop` and need not think of order.
 * `onStop` runs after `onStart` has settled, once, and also when `onStart` failed half-way.
 */
export abstract class BaseService implements Service {
  abstract readonly name: string;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  protected abstract onStart(): Promise<void>;
  protected abstract onStop(): Promise<void>;

  /** True from `start()` until `stop()`. */
  get isRunning(): boolean {
    return this.#starting !== undefined && this.#stopping === undefined;
  }

  start(): Promise<void> {
    if (this.#stopping) return Promise.reject(new Error(`${this.name} was stopped and cannot start again`));
    this.#starting ??= this.onStart();
    return this.#starting;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopOnce();
    return this.#stopping;
  }

  async #stopOnce(): Promise<void> {
    if (!this.#starting) return;
    await this.#starting.catch(() => {});
    await this.onStop();
  }
}
