/** Faults that a route injects on purpose, so that people see what theirs does about them: delays, then aborts. */
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import { plainAnswer } from './answers.ts';
import type { Exchange } from './exchange.ts';
import type { Gate } from './gate.ts';

export interface FaultOptions {
  /** `share` of the requests, 0 to 1; null = none. */
  readonly delay: { readonly timeMs: number; readonly share: number } | null;
  readonly abort: { readonly status: number; readonly share: number } | null;
}

export interface Faults {
  readonly delayMs: number;
  /** 0 = it goes on. */
  readonly status: number;
}

/** What happens to one request: each fault by its own chance. Two draws for each, so that a seed tells the whole run. */
export function drawFaults({ delay, abort }: FaultOptions, random: Random): Faults {
  const [first, second] = [random.next(), random.next()];
  return {
    delayMs: delay !== null && first < delay.share ? delay.timeMs : 0,
    status: abort !== null && second < abort.share ? abort.status : 0,
  };
}

export class FaultGate implements Gate {
  readonly #options: FaultOptions;
  readonly #random: Random;
  readonly #clock: Clock;

  constructor(options: FaultOptions, random: Random, clock: Clock) {
    this.#options = options;
    this.#random = random;
    this.#clock = clock;
  }

  check(exchange: Exchange): boolean | Promise<boolean> {
    const { delayMs, status } = drawFaults(this.#options, this.#random);
    if (delayMs === 0) return this.#passes(exchange, status);
    exchange.route?.cells.countFaultDelay();
    return new Promise((resolve) => {
      exchange.gateTimer = this.#clock.setTimer(delayMs, () => {
        exchange.gateTimer = null;
        resolve(this.#passes(exchange, status));
      });
    });
  }

  #passes(exchange: Exchange, status: number): boolean {
    if (status === 0) return true;
    const body = 'This fault was injected on purpose.\n';
    exchange.answer(
      plainAnswer(status, 'text/plain; charset=utf-8', body, 'Cache-Control: no-store\r\n'),
      'fault_injected',
    );
    return false;
  }
}
