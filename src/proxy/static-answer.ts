import { type OwnAnswer, plainAnswer } from './answers.ts';

export interface StaticOptions {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

/** What a route answers by itself: head and bytes are made once, for all requests. */
export class StaticAnswer {
  readonly plain: OwnAnswer<Buffer>;

  constructor({ status, contentType, body }: StaticOptions) {
    this.plain = plainAnswer(status, contentType, bufferOf(body));
  }
}

/** Without a copy: what was posted to this thread is its own. */
function bufferOf(body: string | Uint8Array): Buffer {
  if (typeof body === 'string') return Buffer.from(body);
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
