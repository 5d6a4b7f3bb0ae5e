/**
 * A request and, in the same bytes, a frame that ends the connection: Node tells of the stream when its session is over
 * already, and ends it by an error. Nobody else notices.
 */
import t from 'tap';
import {
  block,
  END_HEADERS,
  END_STREAM,
  FrameClient,
  frame,
  PREFACE,
  REQUEST,
  TYPE,
} from '../support/h2-frames.ts';
import { ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const request = (stream: number, flags = END_STREAM): Buffer =>
  frame(TYPE.headers, flags | END_HEADERS, stream, block(REQUEST));

const faults: Readonly<Record<string, readonly Buffer[]>> = {
  'a second head on a stream that has ended': [request(1), request(1)],
  'data without a stream': [request(1), frame(TYPE.data, 0, 0, 'x')],
  'a window of nothing': [request(1), frame(TYPE.windowUpdate, 0, 0, Buffer.alloc(4))],
  'the end of a head that never began': [
    request(1),
    frame(TYPE.continuation, END_HEADERS, 1, block(REQUEST)),
  ],
  'within a body': [request(1, 0), frame(TYPE.data, 0, 1, 'x'), frame(TYPE.ping, 0, 0, 'short')],
};

t.test('a fault behind a request in the same bytes', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true } });
  proxied.server.answerAll(() => ok());
  const port = proxied.daemon.port();
  await using other = await FrameClient.greet(port);
  let stream = 1;
  for (const [name, frames] of Object.entries(faults)) {
    await using client = await FrameClient.open(port);
    client.send(Buffer.from(PREFACE, 'latin1'), frame(TYPE.settings, 0, 0), ...frames);
    await client.closed();
    other.ask(stream, REQUEST);
    t.equal((await other.ending(stream)).kind, 'answer', `${name}: another client goes on`);
    stream += 2;
  }
});
