/** Bodies of ours in pieces: each when there is room, all of it once, and nothing after an end. */
import t from 'tap';
import { HttpFault, type RequestSink } from '../../../src/http/index.ts';
import type { Exchange } from '../../../src/proxy/exchange.ts';
import { LargeBody, PIECE_BYTES } from '../../../src/proxy/large-body.ts';

/** A client that has room for so many pieces at a time, and its exchange. */
class Taker {
  readonly stream = this;
  readonly protocol = 'HTTP/1.1';
  readonly silenceMs = 0;
  relay: RequestSink | null = null;
  readonly did: string[] = [];
  readonly taken: Buffer[] = [];
  room = 0;

  sendBody(buffer: Buffer, from: number, to: number): boolean {
    t.equal(from, 0, 'nothing lies before a piece');
    t.ok(to <= PIECE_BYTES);
    this.taken.push(Buffer.from(buffer.subarray(from, to)));
    return --this.room > 0;
  }
  flush(): void {
    this.did.push('flush');
  }
  endAnswer(): void {
    this.did.push('end');
  }
  abort(): void {
    this.did.push('abort');
  }
  finish(reason: string): void {
    this.did.push(reason);
    this.relay = null;
  }

  give(body: Buffer, room: number): RequestSink {
    this.room = room;
    const sender = new LargeBody(this as unknown as Exchange, body, 'respond');
    sender.send();
    return sender;
  }
}

const BODY = Buffer.from(Array.from({ length: 3 * PIECE_BYTES + 5 }, (_, i) => i % 251));

t.test('as there is room', async (t) => {
  const free = new Taker();
  free.give(BODY, 10);
  t.ok(Buffer.concat(free.taken).equals(BODY));
  t.same(free.did, ['end', 'respond']);

  const slow = new Taker();
  const sender = slow.give(BODY, 1);
  t.equal(slow.taken.length, 1);
  for (const room of [2, 1]) {
    slow.room = room;
    sender.onClientDrain();
  }
  t.ok(Buffer.concat(slow.taken).equals(BODY));
  t.same(slow.did, ['flush', 'flush', 'flush'], 'the end waits until the last piece is taken');
  sender.onClientDrain();
  t.same(slow.did.slice(3), ['end', 'respond']);
});

t.test('ends before the end', async (t) => {
  const gone = new Taker();
  gone.give(BODY, 1).onClientGone();
  t.same(gone.did, ['flush', 'client_abort']);
  const slow = new Taker();
  const sender = slow.give(BODY, 1);
  sender.onBodyData(Buffer.from('of a request whose answer is known'));
  sender.onBodyEnd('');
  t.same(slow.did, ['flush']);
  sender.onBodyFault(new HttpFault('answer_timeout', ''));
  t.same(slow.did, ['flush', 'abort', 'answer_timeout'], 'what the client has does not look whole');
});
