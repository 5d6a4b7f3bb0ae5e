/**
 * What comes of a stream of bytes in the codec, in memory, as plain data that two readings can be compared by: requests of
 * a client over Http1Connection, answers of a server over ResponseReader and ChunkedDecoder.
 */
import {
  type AnswerFraming,
  ChunkedDecoder,
  filterTrailers,
  HttpFault,
  ResponseReader,
} from '../../../src/http/index.ts';
import { WireFixture } from '../wire-fixture.ts';

/** When requests are answered: as soon as they are complete, or when all bytes have come. */
export type AnswerTime = 'at_once' | 'at_the_end';

/** One request as the codec handed it on. */
export interface RequestRead {
  readonly line: string;
  readonly authority: string;
  /** Field lines that go on to a server. */
  readonly forward: string;
  readonly framing: string;
  readonly upgrade: string;
  readonly body: string;
  readonly bytesIn: number;
  /** null: it never became complete. */
  readonly trailers: string | null;
  readonly fault: string | undefined;
  readonly isClientGone: boolean;
}

export interface RequestsRead {
  readonly requests: readonly RequestRead[];
  /** Why a head was refused. */
  readonly faults: readonly string[];
  /** How the connection ended. A close at once and one after lingering look the same to the client: which it is depends on what has come. */
  readonly closing: { readonly isEnded: boolean; readonly isReset: boolean; readonly isToldOnce: boolean };
  readonly sent: string;
}

/** What came of the bytes at the client's side: requests, faults, how it ended, what was answered. */
export function readRequests(pieces: readonly Buffer[], hasFin: boolean, way: AnswerTime): RequestsRead {
  const wire = new WireFixture({
    limits: { maxBodyBytes: 1024 * 1024 },
    ...(way === 'at_the_end' ? { onComplete: () => {} } : {}),
  });
  // What a socket reads belongs to the reader, who may move it about.
  for (const piece of pieces) wire.socket.receive(Buffer.from(piece));
  // Answered one after the other: the next one is only read then.
  for (let i = 0; i < wire.requests.length; i++) {
    const seen = wire.requests[i];
    if (seen && way === 'at_the_end' && (seen.trailers !== null || seen.fault)) seen.answer();
    wire.socket.settle();
  }
  if (hasFin) wire.socket.receiveEnd();
  return {
    requests: wire.requests.map(({ stream: { head, bytesIn }, body, trailers, fault, isClientGone }) => ({
      line: `${head.method} ${head.target} 1.${head.minor}`,
      authority: head.authority,
      forward: head.fields.forward,
      framing: `${head.bodyKind} ${head.fields.contentLength}`,
      upgrade: head.upgrade,
      // Of a body that breaks off it depends on the pieces how much of it is handed on first.
      body: fault === null ? body : '',
      bytesIn: fault === null ? bytesIn : 0,
      trailers,
      fault: fault?.reason,
      isClientGone,
    })),
    faults: wire.faults.map((fault) => fault.reason),
    closing: {
      isEnded: wire.socket.isEnded || wire.socket.destroyed,
      isReset: wire.socket.isReset,
      isToldOnce: wire.closes === (wire.socket.destroyed ? 1 : 0),
    },
    sent: wire.socket.sent,
  };
}

type HeadRead = readonly [
  status: number,
  minor: number,
  phrase: string,
  forward: string,
  keepsAlive: boolean,
];

export interface AnswerRead {
  /** Interim heads and the final one. */
  readonly seen: readonly HeadRead[];
  readonly framing: '' | AnswerFraming;
  /** What stands behind the answer. */
  readonly surplus: string;
  readonly body: string;
  readonly fault: string | undefined;
  readonly isDone: boolean | undefined;
  /** The answer is complete, by its own framing; one that ends with the connection never is. */
  readonly isWhole: boolean;
  readonly section: string;
  readonly trailers: string;
}

/** What came of the bytes of a server: each head, the body of the final answer, and where it ended. */
export function readAnswer(method: string, pieces: readonly Buffer[]): AnswerRead {
  const heads = new ResponseReader({ maxHeadBytes: 64 * 1024, maxFields: 256 });
  const seen: HeadRead[] = [];
  let body = '';
  let framing: '' | AnswerFraming = '';
  let remaining = 0;
  let decoder: ChunkedDecoder | null = null;
  let surplus = '';
  let fault: HttpFault | null = null;
  const sink = {
    onChunkData: (buffer: Buffer, from: number, to: number) => {
      body += buffer.toString('latin1', from, to);
    },
  };
  for (const piece of pieces) {
    let at = 0;
    while (at < piece.length && fault === null) {
      if (framing === '') {
        const whole = heads.push(piece, at, piece.length);
        if (whole === null) break;
        if (whole instanceof HttpFault) {
          fault = whole;
          break;
        }
        const { head, bodyStart } = whole;
        at = bodyStart;
        seen.push([head.status, head.minor, head.phrase, head.fields.forward, head.keepsAlive]);
        if (head.isInterim && head.status !== 101) continue;
        framing = head.framing(method);
        remaining = head.fields.contentLength;
        if (framing === 'chunked') decoder = new ChunkedDecoder(64 * 1024);
      } else if (decoder && !decoder.isDone) {
        const end = decoder.push(piece, at, piece.length, sink);
        if (end instanceof HttpFault) fault = end;
        else at = end;
      } else {
        const left = piece.length - at;
        const take = framing === 'close' ? left : framing === 'length' ? Math.min(left, remaining) : 0;
        if (take === 0) {
          surplus += piece.toString('latin1', at);
          break;
        }
        sink.onChunkData(piece, at, at + take);
        remaining -= take;
        at += take;
      }
    }
  }
  const isFramed =
    framing === 'none' || (framing === 'length' && remaining === 0) || decoder?.isDone === true;
  const section = decoder?.isDone ? decoder.trailers : '';
  const trailers = filterTrailers(section, 100);
  const isWhole = fault === null && isFramed && !(trailers instanceof HttpFault);
  return {
    seen,
    framing,
    surplus: fault ? '' : surplus,
    body: fault ? '' : body,
    fault: fault?.reason,
    isDone: decoder?.isDone,
    isWhole,
    section,
    trailers: trailers instanceof HttpFault ? trailers.reason : trailers,
  };
}
