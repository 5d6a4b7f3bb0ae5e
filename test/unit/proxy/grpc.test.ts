/** Our own answers to gRPC calls. */
import t from 'tap';
import { REASONS, type Reason } from '../../../src/kernel/reason.ts';
import { grpcAnswer, grpcCodeOf, grpcStatusLines, isGrpc } from '../../../src/proxy/grpc.ts';

t.test('whose fields are a call', (t) => {
  for (const [type, isCall] of [
    ['application/grpc', true],
    ['application/grpc+proto', true],
    ['application/grpc;x=y', true],
    ['application/grpc ', true],
    ['Application/GRPC-Web-Text', true],
    ['application/grpcx', false],
    ['application/json', false],
    ['text/plain; application/grpc', false],
  ] as const) {
    t.equal(isGrpc(`x: y\r\ncontent-type: ${type}\r\nz: a\r\n`), isCall, type);
    t.equal(isGrpc(`Content-Type:${type}\r\n`), isCall, type);
  }
  t.notOk(isGrpc('x-content-type: application/grpc\r\n'));
  t.notOk(isGrpc(''));
  t.end();
});

t.test('every reason has a code, and none of ours is OK', (t) => {
  const expected: Partial<Record<Reason, number>> = {
    bad_request: 13,
    forbidden: 7,
    no_route: 12,
    method_refused: 12,
    body_timeout: 4,
    too_large: 8,
    limited: 8,
    head_too_large: 8,
    client_abort: 1,
    not_implemented: 12,
    bad_upstream: 14,
    connect_error: 14,
    upstream_reset: 14,
    shutting_down: 14,
    no_server: 14,
    queue_full: 14,
    queue_displaced: 14,
    queue_timeout: 14,
    overloaded: 14,
    upstream_timeout: 4,
    internal: 13,
  };
  for (const [reason, code] of Object.entries(expected))
    t.equal(grpcCodeOf(REASONS[reason as Reason].status), code, reason);
  t.equal(grpcCodeOf(401), 16);
  for (const { status } of Object.values(REASONS)) t.not(grpcCodeOf(status), 0);
  t.end();
});

t.test('the answer is Trailers-Only, its text is escaped', (t) => {
  t.equal(
    grpcStatusLines('upstream_reset', 'broke 100%: é\n'),
    'grpc-status: 14\r\ngrpc-message: upstream_reset: broke 100%25: %C3%A9%0A\r\n',
  );
  const { head, body } = grpcAnswer('no_route', '', 'Retry-After: 1\r\n');
  t.equal(body, '');
  t.match(head, { status: 200, framing: 'none' });
  t.equal(
    head.fields,
    'Content-Type: application/grpc\r\ngrpc-status: 12\r\ngrpc-message: no_route: No such route\r\nRetry-After: 1\r\n',
  );
  t.end();
});
