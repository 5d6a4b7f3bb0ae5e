/**
 * What a route answers by itself. Head and bytes are made once, for all requests; so are the bytes of each coding that `compress`
 * of the route names, when the route is compiled: no request waits for a compressor, nor takes the place of one.
 */
import { type Coding, type CompressionRule, codedHead, encodeWhole } from '../encode/index.ts';
import { type OwnAnswer, plainAnswer } from './answers.ts';
import type { FieldRules } from './field-rules.ts';

export interface StaticOptions {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

export class StaticAnswer {
  readonly plain: OwnAnswer<Buffer>;
  readonly #coded = new Map<Coding, Buffer>();

  constructor({ status, contentType, body }: StaticOptions) {
    this.plain = plainAnswer(status, contentType, bufferOf(body));
  }

  /** Makes it ready for `coded`. @param fields what the route changes of its head */
  async encode(rule: CompressionRule, fields: FieldRules | null): Promise<void> {
    const { head, body } = this.plain;
    const lines = fields === null ? head.fields : fields.apply(head.fields, () => '');
    if (body === '' || !rule.isFor({ ...head, fields: lines })) return;
    await Promise.all(
      rule.algorithms.map(async (coding) => {
        const bytes = await encodeWhole(body, coding);
        if (bytes.length < body.length) this.#coded.set(coding, bytes);
      }),
    );
  }

  /**
   * The answer in the coding that suits a request, with a head that says so.
   * @param answer the plain one, with what the route has changed of its head
   * @param requestLines fields of the request as they came
   */
  coded(answer: OwnAnswer<Buffer>, rule: CompressionRule, requestLines: string): OwnAnswer<Buffer> {
    const { coding, varies } = rule.decide(answer.head, requestLines);
    if (!varies) return answer;
    const bytes = coding === null ? undefined : this.#coded.get(coding);
    if (bytes === undefined) return { ...answer, head: codedHead(answer.head, null) };
    const head = codedHead(answer.head, coding);
    return { head: { ...head, framing: 'length', contentLength: bytes.length }, body: bytes };
  }
}

/** Without a copy: what was posted to this thread is its own. */
function bufferOf(body: string | Uint8Array): Buffer {
  if (typeof body === 'string') return Buffer.from(body);
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
