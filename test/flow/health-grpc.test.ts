/** Checks by gRPC, against servers of grpc-js and against what is none. */
import { once } from 'node:events';
import { createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import t from 'tap';
import { decodeStatus, encodeRequest, statusFailure } from '../../src/control/health/grpc-health.ts';
import { probeGrpc } from '../../src/control/health/probe-grpc.ts';
import type { GrpcCheck, HealthTls } from '../../src/control/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { makeLeaf, type PemPair } from '../../src/tls/forge-certificates.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { authorityFor } from '../support/tls-fixture.ts';

const proto = loadSync(join(import.meta.dirname, '../support/grpc-health.proto'), {
  enums: String,
  defaults: true,
});
const service = (proto['grpc.health.v1.Health'] ?? {}) as grpc.ServiceDefinition;
const CHECK: GrpcCheck = {
  ...{ type: 'grpc', port: undefined, service: '', intervalMs: 1000, timeoutMs: 2000 },
  ...{ rise: 1, fall: 1, jitterFraction: 0 },
};

/** A server with these services' states; '' = the whole. */
async function serving(states: Record<string, string>, pair?: PemPair) {
  const server = new grpc.Server();
  type Call = grpc.ServerUnaryCall<{ service: string }, { status: string }>;
  server.addService(service, {
    Check: (call: Call, callback: grpc.sendUnaryData<{ status: string }>) => {
      const status = states[call.request.service];
      if (status === undefined) callback({ code: grpc.status.NOT_FOUND, details: 'unknown sérvice' });
      else callback(null, { status });
    },
  });
  const credentials = pair
    ? grpc.ServerCredentials.createSsl(null, [
        { cert_chain: Buffer.from(pair.certPem), private_key: Buffer.from(pair.keyPem) },
      ])
    : grpc.ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return { port, states, [Symbol.dispose]: () => server.forceShutdown() };
}

/** '' when it was good, else what was wrong. */
async function probe(port: number, changes: Partial<GrpcCheck> = {}, tls?: HealthTls, abortAfterMs?: number) {
  const target = { id: 'a', host: '127.0.0.1', port, ...(tls ? { tls } : {}) };
  const aborter = new AbortController();
  const timer =
    abortAfterMs === undefined ? undefined : systemClock.setTimer(abortAfterMs, () => aborter.abort());
  const result = await probeGrpc(target, { ...CHECK, ...changes }, aborter.signal, systemClock);
  timer?.cancel();
  return result.ok ? '' : result.why;
}

t.test('what a server of grpc-js says', async (t) => {
  using server = await serving({ '': 'SERVING', 'shop.Orders': 'NOT_SERVING' });
  t.equal(await probe(server.port), '');
  t.equal(await probe(server.port, { service: 'shop.Orders' }), 'NOT_SERVING');
  t.equal(await probe(server.port, { service: 'x' }), 'NOT_FOUND: unknown sérvice');
  t.equal(await probe(server.port + 0, { port: server.port }), '', 'a port of its own');
});

t.test('over TLS, verified', async (t) => {
  const authority = authorityFor('127.0.0.1', 'orders.internal');
  using server = await serving({ '': 'SERVING' }, makeLeaf(authority, ['127.0.0.1'], systemClock.wallMs()));
  const tls = { ca: authority.certPem, serverName: undefined, verify: true };
  t.equal(await probe(server.port, {}, tls), '');
  t.match(await probe(server.port, {}, { ...tls, serverName: 'orders.internal' }), /certificate not trusted/);
  t.match(await probe(server.port, {}, { ...tls, ca: undefined }), /certificate not trusted/);
});

t.test('what is no such server', async (t) => {
  using other = (() => {
    const server = new grpc.Server();
    return Object.assign(server, { [Symbol.dispose]: () => server.forceShutdown() });
  })();
  const port = await new Promise<number>((resolve) =>
    other.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, bound) =>
      resolve(bound),
    ),
  );
  t.match(await probe(port), /^UNIMPLEMENTED/);

  const web = createHttp2((_request, response) => response.end('<html>'));
  await once(web.listen(0, '127.0.0.1'), 'listening');
  t.equal(await probe((web.address() as AddressInfo).port), 'no grpc-status in the answer');
  web.close();

  const old = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await once(old.listen(0, '127.0.0.1'), 'listening');
  t.not(await probe((old.address() as AddressInfo).port), '');
  old.close();

  const silent = createServer((socket) => socket.on('error', () => {}).resume());
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port: silentPort } = silent.address() as AddressInfo;
  t.equal(await probe(silentPort, {}, undefined, 100), 'timed out after 2s');
  silent.close();
  await once(silent, 'close');
  t.equal(await probe(silentPort), 'connect refused');
});

t.test('the bytes', (t) => {
  t.equal(encodeRequest('').toString('hex'), '0000000000');
  t.equal(encodeRequest('ab').toString('hex'), '00000000040a026162');
  t.equal(encodeRequest('x'.repeat(200)).subarray(5, 8).toString('hex'), '0ac801');
  const status = (hex: string): string | undefined => decodeStatus(Buffer.from(hex, 'hex'));
  t.equal(status('0000000000'), 'UNKNOWN', 'a zero is not sent');
  t.equal(status('00000000020801'), 'SERVING');
  t.equal(status('00000000020802'), 'NOT_SERVING');
  t.equal(status('00000000020809'), 'status 9');
  t.equal(status('000000000612020000' + '0801'), 'SERVING', 'a field that came later is skipped');
  t.equal(status('01000000020801'), undefined, 'compressed');
  t.equal(status('00000000030801'), undefined, 'cut off');
  t.equal(status('000000000108'), undefined);
  t.equal(status('00000000020d01'), undefined, 'a kind of field that is not known');
  t.equal(status(''), undefined);
  t.equal(statusFailure('0', 'x'), '');
  t.equal(statusFailure('14', ''), 'UNAVAILABLE');
  t.equal(statusFailure('14', '100%'), 'UNAVAILABLE: 100%');
  t.equal(statusFailure('99', undefined), 'grpc-status 99');
  t.end();
});

t.test('a pool goes by it', async (t) => {
  using server = await serving({ '': 'SERVING' });
  const address = `127.0.0.1:${server.port}`;
  await using daemon = await DaemonFixture.start({
    listeners: { grpc: { address: '127.0.0.1', port: 0, h2c: true } },
    routes: [{ name: 'all', pool: 'web' }],
    pools: {
      web: {
        servers: [address],
        health: { type: 'grpc', interval: '100ms', rise: 1, fall: 1 },
        upstream: { protocol: 'h2c' },
      },
    },
  });
  const isHealthy = (): boolean => daemon.daemon.registry.server('web', address).state === 'healthy';
  await daemon.until('healthy', isHealthy);
  server.states[''] = 'NOT_SERVING';
  await daemon.until('unhealthy', () => !isHealthy());
  server.states[''] = 'SERVING';
  await daemon.until('healthy again', isHealthy);
  t.pass();
});
