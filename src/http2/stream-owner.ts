import type { WireLimits } from '../http/index.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import type { MemoryPressure } from '../kernel/memory.ts';
import type { AnswerTranslator } from './answer.ts';

/** What a stream needs of its connection. */
export interface StreamOwner<Stream> {
  readonly client: ClientInfo;
  readonly limits: WireLimits;
  readonly memory: MemoryPressure;
  readonly answers: AnswerTranslator;
  nowMs(): number;
  /** Bytes of the client that serve something, the frames that answers cost it included. */
  useful(bytes: number): void;
  /** So many bytes may still come that serve nothing any more, by our doing. */
  excuse(bytes: number): void;
  /** A client has yet to take what its stream was given; it has. One that ends meanwhile is told by `onStreamOver` alone. */
  onWaiting(): void;
  onTaken(): void;
  /** Bytes that must stay until all that was given to the session so far has been sent, whatever their stream's end was. */
  keep(bytes: Buffer): void;
  /** The stream is over. @param isWasted it ended before its answer, and not by us */
  onStreamOver(stream: Stream, isWasted: boolean): void;
}
