/** What a gRPC call ended with stands in the access log, whoever said so; other requests have no such field. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FrameServed } from '../support/frame-served.ts';
import { H2Client } from '../support/h2-client.ts';
import type { FrameLink } from '../support/h2-frame-server.ts';
import { block, END_HEADERS, END_STREAM, type Field, frame, TYPE } from '../support/h2-frames.ts';
import { get } from '../support/peer.ts';

const CALL = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
const HEAD: readonly Field[] = [
  [':status', '200'],
  ['content-type', 'application/grpc+proto'],
];

/** The status of each line, by target; undefined where the line has none. */
async function logged({ daemon }: FrameServed, lines: number): Promise<Record<string, unknown>> {
  const read = (): { target: string; grpc_status?: number }[] =>
    readFileSync(join(daemon.folder, 'access.log'), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  await daemon.until('every line is written', () => read().length >= lines);
  return Object.fromEntries(read().map((line) => [line.target, line.grpc_status]));
}

t.test('of servers: out of trailers, or of the only fields', async (t) => {
  await using setting = await FrameServed.start({}, 1, { listener: { h2c: true } });
  await using client = await H2Client.open(setting.daemon.port());
  let count = 0;
  const ask = async (path: string, answer: (stream: number) => void): Promise<void> => {
    const asked = client.ask({ ...CALL, ':path': path }, 'hello');
    const link = await setting.server.link();
    answer(await link.request(count++));
    await asked;
  };
  const at = (): FrameLink => setting.server.links[0] as FrameLink;
  const trailers = (stream: number, ...fields: Field[]): void =>
    at().send(frame(TYPE.headers, END_HEADERS | END_STREAM, stream, block(fields)));
  await ask('/ok', (stream) => {
    at().head(stream, HEAD);
    at().data(stream, 'x');
    trailers(stream, ['grpc-status', '0']);
  });
  await ask('/not-found', (stream) => {
    at().head(stream, HEAD);
    trailers(stream, ['grpc-message', 'grpc-status: 3'], ['grpc-status', '5']);
  });
  await ask('/only', (stream) => at().head(stream, [...HEAD, ['grpc-status', '16']], true));
  await ask('/none', (stream) => {
    at().head(stream, HEAD);
    trailers(stream, ['x-other', '1']);
  });
  await ask('/odd', (stream) => at().head(stream, [...HEAD, ['grpc-status', 'fine']], true));
  await ask('/page', (stream) => {
    at().head(stream, [
      [':status', '200'],
      ['content-type', 'text/html'],
    ]);
    trailers(stream, ['grpc-status', '0']);
  });
  t.same(await logged(setting, 6), {
    '/ok': 0,
    '/not-found': 5,
    '/only': 16,
    '/none': undefined,
    '/odd': undefined,
    '/page': undefined,
  });
});

t.test('ours, and of requests that are no calls nothing', async (t) => {
  await using setting = await FrameServed.start({ retry: 1 }, 1, {
    listener: { h2c: true },
    file: {
      routes: [
        { name: 'gone', match: { path: '/gone' }, respond: 404 },
        { name: 'web', match: { path: '/web/*' }, pool: 'web' },
      ],
    },
  });
  await using client = await H2Client.open(setting.daemon.port());
  await client.ask({ ...CALL, ':path': '/nowhere' }, 'hello');
  const reset = client.ask({ ...CALL, ':path': '/web/reset' }, 'hello');
  const link = await setting.server.link();
  link.reset(await link.request(), 2);
  await reset;
  const broken = client.ask({ ...CALL, ':path': '/web/broken' }, 'hello');
  const stream = await link.request(1);
  link.head(stream, HEAD);
  link.data(stream, 'x');
  link.reset(stream, 2);
  await broken;
  const plain = await setting.client();
  plain.write(get('/web/plain'));
  const other = await link.request(2);
  link.head(
    other,
    [
      [':status', '200'],
      ['grpc-status', '5'],
    ],
    true,
  );
  await plain.answer();
  plain.write(get('/nowhere-plain'));
  await plain.answer();
  t.same(await logged(setting, 5), {
    '/nowhere': 12,
    '/web/reset': 14,
    '/web/broken': 14,
    '/web/plain': undefined,
    '/nowhere-plain': undefined,
  });
});
