/** A stream held to a bandwidth and a size, over a wire in memory and a clock that the test moves. */
import t from 'tap';
import type { HttpFault } from '../../../src/http/index.ts';
import { MeteredStream, type MeterOptions } from '../../../src/proxy/metered-stream.ts';
import { post, type SeenRequest, startBig, unanswered, WireFixture } from '../../support/wire-fixture.ts';

interface Metered {
  readonly wire: WireFixture;
  readonly seen: SeenRequest;
  readonly stream: MeteredStream;
}

function metered(request: string, options: Partial<MeterOptions>): Metered {
  let stream: MeteredStream | undefined;
  const wire = new WireFixture({
    ...unanswered,
    onRequest: (seen) => {
      stream = new MeteredStream(
        seen.stream,
        { maxBodyBytes: 0, downloadRate: 0, uploadRate: 0, ...options },
        wire,
      );
    },
  });
  wire.socket.receive(request);
  return { wire, seen: wire.last, stream: stream as MeteredStream };
}

const KIB = 1024;
const piece = Buffer.alloc(64 * KIB, 'x');

t.test('an answer waits until it is paid for, also when the wire has room', async (t) => {
  const { wire, seen, stream } = metered('GET / HTTP/1.1\r\nHost: h\r\n\r\n', { downloadRate: 64 * KIB });
  startBig(seen);
  t.ok(stream.sendBody(piece, 0, piece.length), 'the first second’s worth is free');
  wire.socket.settle();
  t.notOk(stream.sendBody(piece, 0, piece.length));
  wire.socket.settle();
  t.equal(seen.drains, 0);
  wire.pass(900);
  t.equal(seen.drains, 0, 'the second costs a second');
  wire.pass(200);
  t.equal(seen.drains, 1);
  // Woken 100 ms late: that is made up for.
  t.notOk(stream.sendBody(piece, 0, piece.length));
  wire.socket.settle();
  wire.pass(1000);
  t.equal(seen.drains, 2);
  stream.sink = null;
  stream.endAnswer('');
  t.equal(wire.deadlines.size, 1, 'only that of the connection is left');
});

t.test('a wire without room and a pace: both have to be over', async (t) => {
  const { wire, seen, stream } = metered('GET / HTTP/1.1\r\nHost: h\r\n\r\n', { downloadRate: 64 * KIB });
  startBig(seen);
  wire.socket.isStuck = true;
  stream.sendBody(piece, 0, piece.length);
  t.notOk(stream.sendBody(piece, 0, piece.length));
  wire.pass(1200);
  t.equal(seen.drains, 0, 'paid for, but the wire is full');
  wire.socket.unstick();
  t.equal(seen.drains, 1);
});

t.test('a body is not read faster than its pace, and its end ends the waiting', async (t) => {
  const { wire, seen } = metered(post(3000), { uploadRate: 1000 });
  wire.socket.receive('x'.repeat(1000));
  t.equal(seen.body.length, 1000, 'the first second’s worth is free');
  wire.socket.receive('y'.repeat(1000));
  t.equal(seen.body.length, 2000);
  wire.socket.receive('z'.repeat(1000));
  t.equal(seen.body.length, 2000, 'it waits');
  wire.pass(800);
  t.equal(seen.body.length, 2000);
  wire.pass(300);
  t.equal(seen.body.length, 3000);
  t.equal(seen.trailers, '');
  t.equal(seen.fault, null);
});

t.test('what the phases pause stays paused when the pace is over', async (t) => {
  const { wire, seen, stream } = metered(post(3000), { uploadRate: 1000 });
  wire.socket.receive('x'.repeat(2000));
  stream.pauseBody(false);
  wire.socket.receive('y'.repeat(1000));
  wire.pass(1500);
  t.equal(seen.body.length, 2000);
  stream.resumeBody();
  t.equal(seen.body.length, 3000);
});

t.test('a body of unknown length that is too large is a fault, told once', async (t) => {
  const faults: HttpFault[] = [];
  const { wire, seen, stream } = metered('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n', {
    maxBodyBytes: 10,
  });
  stream.sink = {
    onBodyData: (chunk) => seen.onBodyData(chunk),
    onBodyEnd: () => {},
    onBodyFault: (fault) => {
      faults.push(fault);
      stream.sink = null;
    },
    onClientGone: () => {},
    onClientDrain: () => {},
    heldBytes: () => 0,
  };
  wire.socket.receive('a\r\n0123456789\r\n');
  t.equal(seen.body, '0123456789');
  t.same(faults, []);
  wire.socket.receive('1\r\n!\r\n');
  wire.socket.receive('1\r\n!\r\n0\r\n\r\n');
  t.match(faults, [{ reason: 'too_large', detail: 'the body is larger than 10 bytes' }]);
  t.equal(faults.length, 1);
  t.equal(seen.body, '0123456789');
});

t.test('a client that goes is told on, and nothing waits for it', async (t) => {
  const { wire, seen, stream } = metered('GET / HTTP/1.1\r\nHost: h\r\n\r\n', { downloadRate: 1 });
  startBig(seen);
  stream.sendBody(piece, 0, piece.length);
  wire.socket.destroy();
  wire.pass(200);
  t.ok(seen.isClientGone);
  wire.pass(100_000);
  t.equal(seen.drains, 0);
});
