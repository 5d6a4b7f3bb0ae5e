/** An answer that is given before its request has ended, by a clock of the test's own, over real sockets. */
import t from 'tap';
import { FakeClock } from '../../support/fake-clock.ts';
import { answer, Http2Fixture } from '../../support/h2-connection.ts';
import {
  CODE,
  codeOf,
  END_STREAM,
  type Field,
  type Frame,
  frame,
  request,
  TYPE,
} from '../../support/h2-frames.ts';

async function setUp() {
  const clock = new FakeClock();
  const fixture = await Http2Fixture.start((stream) => answer(stream, 'early'), { clock });
  return { clock, client: fixture.client, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
}

const post = (length: number, ...fields: Field[]): Field[] =>
  request({ ':method': 'POST' }, [['content-length', `${length}`], ...fields]);
const isEnd = (it: Frame): boolean => it.type <= TYPE.headers && (it.flags & END_STREAM) !== 0;
const isReset = (it: Frame): boolean => it.type === TYPE.reset;

t.test('a small request: the answer comes at once, its end behind that of the request', async (t) => {
  await using it = await setUp();
  it.client.ask(1, post(4), 0);
  await it.client.until('the answer', () => it.client.bodyOf(1) === 'early');
  // What is asked later is answered later.
  it.client.send(frame(TYPE.ping, 0, 0, Buffer.alloc(8)));
  await it.client.until('a pong', ({ type }) => type === TYPE.ping);
  t.equal(it.client.frames.some(isEnd), false);
  it.client.send(frame(TYPE.data, END_STREAM, 1, 'body'));
  await it.client.until('its end', isEnd);
  t.equal(it.client.frames.some(isReset), false);
});

t.test('a small request that does not end: it is cut short after a while', async (t) => {
  await using it = await setUp();
  it.client.ask(1, post(4), 0);
  await it.client.until('the answer', () => it.client.bodyOf(1) === 'early');
  t.equal(it.client.frames.some(isEnd), false);
  await it.clock.run(2000);
  const reset = await it.client.until('a reset', isReset);
  t.equal(codeOf(reset), CODE.none);
  t.same(await it.client.ending(1), { kind: 'answer', status: 200 });
});

t.test('an answer that is nothing but fields goes out before the request is cut short', async (t) => {
  const bare = {
    status: 204,
    phrase: '',
    fields: '',
    framing: 'none',
    contentLength: -1,
    hasDate: true,
  } as const;
  await using it = await Http2Fixture.start((stream) => {
    stream.startAnswer({ ...bare, memo: '' });
    stream.endAnswer('');
  });
  it.client.ask(1, request({ ':method': 'POST' }), 0);
  t.equal(codeOf(await it.client.until('a reset', isReset)), CODE.none);
  t.same(await it.client.ending(1), { kind: 'answer', status: 204 });
});

for (const [what, fields] of [
  ['more than its window', post(65_536)],
  ['of a length that nobody knows', request({ ':method': 'POST' })],
  ['that waits for a 100', post(4, ['expect', '100-continue'])],
] as const) {
  t.test(`a request ${what} is cut short at once`, async (t) => {
    await using it = await setUp();
    it.client.ask(1, fields, 0);
    t.equal(codeOf(await it.client.until('a reset', isReset)), CODE.none);
    t.same(await it.client.ending(1), { kind: 'answer', status: 200 });
    t.equal(it.client.bodyOf(1), 'early');
  });
}
