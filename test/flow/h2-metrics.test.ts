/** What is counted of connections to servers of HTTP/2. */
import t from 'tap';
import { FrameServed } from '../support/frame-served.ts';
import { CODE } from '../support/h2-frames.ts';
import { get } from '../support/peer.ts';

/** The numbers of the pool, without their common beginning. */
async function counted({ daemon }: FrameServed): Promise<Record<string, number>> {
  const text = await daemon.daemon.metrics.render();
  const found = [...text.matchAll(/^sluice_pool_http2_(\w+)\{pool="web"\} (\d+)$/gm)];
  return Object.fromEntries(found.map(([, name, value]) => [name as string, Number(value)]));
}

/** Waits until a number is what it should be. */
async function until(setting: FrameServed, name: string, value: number): Promise<Record<string, number>> {
  let now = await counted(setting);
  await setting.daemon.until(`${name} is ${value}`, () => {
    if (now[name] === value) return true;
    void counted(setting).then((next) => {
      now = next;
    });
    return false;
  });
  return now;
}

t.test('connections and streams that are open, streams that were, ends and refusals', async (t) => {
  await using setting = await FrameServed.start();
  t.same(await counted(setting), {}, 'nothing before the first connection');
  const [a, b] = [await setting.client(), await setting.client()];
  a.write(get('/a'));
  const link = await setting.server.link();
  const first = await link.request();
  b.write(get('/b'));
  const second = await link.request(1);
  t.same(await counted(setting), {
    connections: 1,
    streams: 2,
    streams_total: 2,
    goaways_total: 0,
    streams_refused_total: 0,
  });
  link.answer(first, 'a');
  await a.answer();
  t.match(await counted(setting), { streams: 1, streams_total: 2 });
  link.reset(second, CODE.refusedStream);
  t.equal((await b.answer()).status, 502);
  t.match(await counted(setting), { streams: 0, streams_refused_total: 1, connections: 1 });
  link.goaway(second, CODE.none);
  t.match(await until(setting, 'connections', 0), { goaways_total: 1, streams: 0, streams_total: 2 });
});

t.test('what a client abandons is over, and what never came to be was none', async (t) => {
  await using setting = await FrameServed.start({ upstream: { connect_timeout: '100ms' } });
  const client = await setting.client();
  client.write(get('/'));
  const link = await setting.server.link();
  await link.request();
  client.destroy();
  await until(setting, 'streams', 0);
  await link.allow(0);
  const other = await setting.client();
  other.write(get('/'));
  t.equal((await other.answer()).status, 503);
  t.match(await counted(setting), { connections: 1, streams: 0, streams_total: 1 });
  link.socket.destroy();
  t.match(await until(setting, 'connections', 0), { streams: 0 });
});

t.test('a pool over HTTP/1.1 has none of these', async (t) => {
  await using setting = await FrameServed.start({ upstream: { protocol: 'http1' } });
  const client = await setting.client();
  client.write(get('/'));
  const link = await setting.server.link();
  link.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  await client.answer();
  t.same(await counted(setting), {});
});
