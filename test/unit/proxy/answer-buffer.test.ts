/** What stands between a server's answer and a slow client. */
import t from 'tap';
import type { AnswerSink } from '../../../src/encode/index.ts';
import type { AnswerHead } from '../../../src/http/index.ts';
import { AnswerBuffer, type AnswerBufferEvents, mayBeBuffered } from '../../../src/proxy/answer-buffer.ts';

/** A client that takes nothing while it is stuck. */
class Client implements AnswerSink, AnswerBufferEvents {
  isStuck = false;
  text = '';
  ends: string[] = [];
  rooms = 0;
  given = 0;

  sendBody(buffer: Buffer, from: number, to: number): boolean {
    this.text += buffer.toString('latin1', from, to);
    return !this.isStuck;
  }
  flush(): void {}
  endAnswer(trailers: string): void {
    this.ends.push(trailers);
  }
  makeRoom(): void {
    this.rooms++;
  }
  onAnswerGiven(): void {
    this.given++;
  }
}

function buffered(maxBytes: number): { client: Client; buffer: AnswerBuffer; send(text: string): boolean } {
  const client = new Client();
  const buffer = new AnswerBuffer(maxBytes, client, client);
  // As a connection does it: the next read overwrites what was read before.
  const read = Buffer.alloc(100_000);
  const send = (text: string): boolean => {
    read.write(text, 7, 'latin1');
    const isFree = buffer.sendBody(read, 7, 7 + text.length);
    read.fill('#');
    return isFree;
  };
  return { client, buffer, send };
}

t.test('a client that keeps up gets everything at once', async (t) => {
  const { client, buffer, send } = buffered(10);
  for (const text of ['one', 'two', 'a text that is longer than the bound']) t.ok(send(text));
  t.equal(client.text, 'onetwoa text that is longer than the bound');
  t.equal(buffer.heldBytes, 0);
  buffer.endAnswer('X: 1\r\n');
  t.same([client.ends, client.given], [['X: 1\r\n'], 1]);
});

t.test('what a slow one does not take is kept, in order, and ends when it has it', async (t) => {
  const { client, buffer, send } = buffered(1_000_000);
  client.isStuck = true;
  let sent = '';
  for (let i = 0; i < 5000; i++) {
    const text = `${i};`;
    sent += text;
    if (!send(text)) t.fail('it says it is full');
  }
  t.equal(client.text, '0;');
  t.ok(
    buffer.heldBytes >= sent.length - 2 && buffer.heldBytes < sent.length + 20_000,
    'small pieces together',
  );
  buffer.endAnswer('');
  t.equal(client.given, 0, 'the client has not got it');
  buffer.onClientDrain();
  t.ok(client.text.length < sent.length, 'a block each time it has room');
  client.isStuck = false;
  buffer.onClientDrain();
  t.equal(client.text, sent);
  t.same([client.ends, client.given, client.rooms, buffer.heldBytes], [[''], 1, 0, 0]);
});

t.test('at the bound the server waits, until half of it is gone', async (t) => {
  const { client, send, buffer } = buffered(40_000);
  client.isStuck = true;
  const piece = 'x'.repeat(16 * 1024);
  t.ok(send(piece), 'the client’s');
  t.ok(send(piece));
  t.ok(send(piece));
  t.notOk(send(piece), 'over 40 000');
  buffer.onClientDrain();
  t.equal(client.rooms, 0);
  buffer.onClientDrain();
  t.equal(client.rooms, 1);
  client.isStuck = false;
  buffer.onClientDrain();
  t.equal(client.rooms, 1, 'told once');
  t.ok(send('more'));
  t.equal(client.text.length, 4 * piece.length + 4);
});

t.test('dropped', async (t) => {
  const { client, send, buffer } = buffered(40_000);
  client.isStuck = true;
  send('first');
  send('second');
  buffer.drop();
  t.equal(buffer.heldBytes, 0);
  buffer.onClientDrain();
  t.equal(client.text, 'first');
});

t.test('which answers', async (t) => {
  const head = (fields: string, framing: AnswerHead['framing'] = 'chunked'): AnswerHead => ({
    status: 200,
    phrase: 'OK',
    fields,
    framing,
    contentLength: -1,
    hasDate: true,
    memo: '',
  });
  const table: [fields: string, isBuffered: boolean][] = [
    ['Content-Type: text/html\r\n', true],
    ['', true],
    ['content-type: text/event-stream\r\n', false],
    ['Content-Type: Text/Event-Stream; charset=utf-8\r\n', false],
    ['Content-Type: text/event-streams\r\n', true],
    ['X-Accel-Buffering: no\r\n', false],
    ['X-Accel-Buffering: yes\r\n', true],
  ];
  for (const [fields, isBuffered] of table) t.equal(mayBeBuffered(head(fields)), isBuffered, fields);
  t.notOk(mayBeBuffered(head('', 'none')));
});
