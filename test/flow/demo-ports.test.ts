/** The demo where something is in its way: taken ports, another demo, a bookstore that cannot start. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import t from 'tap';
import { Agent, request } from 'undici';
import { demoReady, QUIET_DEMO } from '../support/demo-process.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

t.test('taken ports give way, two demos share a folder', async (t) => {
  const folder = t.testdir({});
  const args = [...QUIET_DEMO, '--no-traffic', '--servers', '1', '--data', folder];
  // Both at once: each looks for ports only when the other has its own.
  await using one = new SluiceProcess(args);
  await using other = new SluiceProcess(args);
  const [a, b] = await Promise.all([demoReady(one), demoReady(other)]);
  for (const key of ['proxy', 'http', 'admin'] as const) t.not(a[key], b[key], key);
  t.not(a.servers[0]?.address, b.servers[0]?.address);
  t.equal(a.token, b.token);
  t.ok(a.moved.length + b.moved.length >= 4, JSON.stringify([a.moved, b.moved]));
  const agent = new Agent({ connect: { ca: readFileSync(a.ca, 'utf8') } });
  for (const { proxy, servers } of [a, b]) {
    const answer = await request(`${proxy}/books?limit=1`, { dispatcher: agent });
    t.match(answer, { statusCode: 200, headers: { 'x-server': servers[0]?.address } });
    await answer.body.dump();
  }
  await agent.close();
});

t.test('a port that was asked for is not given up', async (t) => {
  const holder = createServer().listen(0);
  await once(holder, 'listening');
  const address = holder.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const folder = t.testdir({});
  await using demo = new SluiceProcess([
    ...QUIET_DEMO,
    '--port',
    String(port),
    '--servers',
    '1',
    '--data',
    folder,
  ]);
  const { code, stderr } = await demo.ended;
  t.equal(code, 1);
  t.match(stderr, `port ${port} is taken by another program`);
  t.same(readdirSync(folder), [], 'and nothing was begun');
  holder.close();
});

t.test('a bookstore that cannot start: why, code 1, nothing left', async (t) => {
  const folder = t.testdir({ 'bookstore.db': {} });
  await using demo = new SluiceProcess([...QUIET_DEMO, '--servers', '2', '--data', folder]);
  const { code, stdout, stderr } = await demo.ended;
  t.equal(code, 1);
  t.equal(stdout, '');
  t.match(stderr, /error: the bookstore 127\.0\.0\.1:300\d did not start: exit code 1\n +\{"event":"error"/);
});
