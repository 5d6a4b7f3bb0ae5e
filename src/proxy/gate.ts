/**
 * Gates: rules of a route that a request must pass before it is acted on, in order. One may have to ask somebody outside
 * (an auth service, a key set, Redis); until it knows, the exchange waits and the body of its request with it.
 */
import type { Exchange } from './exchange.ts';

export interface Gate {
  /**
   * @returns true = the request passes; false = the gate has answered it. As a promise when it is not known yet, which may
   *   settle after the exchange has ended, or never then.
   */
  check(exchange: Exchange): boolean | Promise<boolean>;
}

/** Calls `then`, now or later, if the request passes them all. */
export function passGates(exchange: Exchange, gates: readonly Gate[], then: () => void, from = 0): void {
  for (let index = from; index < gates.length; index++) {
    const passes = (gates[index] as Gate).check(exchange);
    if (passes === false) return;
    if (passes === true) continue;
    exchange.hold(passes, () => passGates(exchange, gates, then, index + 1));
    return;
  }
  then();
}
