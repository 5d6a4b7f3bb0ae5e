import { AnswerEncoder, type CompressionRule, codedHead, type EncoderEvents } from '../encode/index.ts';
import { type AnswerHead, HttpFault } from '../http/index.ts';
import type { Exchange } from './exchange.ts';

/** The head of an answer as the client gets it, and an encoder for its body in `exchange`, if it is to be compressed. */
export function compressed(exchange: Exchange, answer: AnswerHead, rule: CompressionRule): AnswerHead {
  const { stream, deps } = exchange;
  const isHead = stream.head.method === 'HEAD';
  const { coding, varies } = rule.decide(answer, stream.head.fields.text, isHead);
  if (!varies) return answer;
  if (isHead) return { ...codedHead(answer, coding), framing: 'none' };
  if (coding === null || !deps.encoders.take()) return codedHead(answer, null);
  const wiring = {
    sink: exchange.buffer ?? stream,
    events: new EncodedAnswer(exchange),
    places: deps.encoders,
  };
  // A body of known length comes as fast as it can; one without may be made bit by bit.
  exchange.filter = new AnswerEncoder(coding, answer.framing !== 'length', wiring);
  return codedHead(answer, coding);
}

class EncodedAnswer implements EncoderEvents {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  onRoom(): void {
    this.#exchange.relay?.onClientDrain();
  }

  onEncoded(rawBytes: number, codedBytes: number): void {
    this.#exchange.route?.cells.countCompressed(rawBytes, codedBytes);
    // With a buffer behind it the client may not have all of it yet.
    if (this.#exchange.buffer === null) this.#exchange.finish('ok');
  }

  onEncodeFailed(error: Error): void {
    const { deps, requestId } = this.#exchange;
    deps.log.error('an answer could not be compressed', { request_id: requestId, error });
    // Whoever sends it on ends both sides; what the client has of it must not look whole.
    this.#exchange.onBodyFault(new HttpFault('internal', ''));
  }
}
