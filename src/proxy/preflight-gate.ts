import type { Cors } from '../access/index.ts';
import { plainAnswer } from './answers.ts';
import type { Exchange } from './exchange.ts';
import type { Gate } from './gate.ts';

/** Answers the preflights of browsers, which bring no credentials: it stands before the gate that asks for some. */
export class PreflightGate implements Gate {
  readonly #cors: Cors;

  constructor(cors: Cors) {
    this.#cors = cors;
  }

  check(exchange: Exchange): boolean {
    const { head } = exchange.stream;
    const lines = this.#cors.preflight(head.method, head.fields.text);
    if (lines === null) return true;
    exchange.answer(plainAnswer(204, '', '', lines), 'respond');
    return false;
  }
}
