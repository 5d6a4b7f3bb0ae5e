/** The daemon as a process: signals, reloads, how it ends. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { request } from 'undici';
import { ECHO_MS } from '../../src/cli/stop-signals.ts';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

interface Backend extends AsyncDisposable {
  readonly address: string;
  /** The next request that comes, not yet answered. */
  next(): Promise<ServerResponse>;
}

/** A server that answers `/hold` only when told to. */
async function startBackend(): Promise<Backend> {
  const held: ServerResponse[] = [];
  const waiting: ((response: ServerResponse) => void)[] = [];
  const server = createServer((incoming: IncomingMessage, response) => {
    if (incoming.url !== '/hold') return void response.end('hello');
    const waiter = waiting.shift();
    if (waiter) waiter(response);
    else held.push(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    address: `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    next: () =>
      new Promise((resolve) => {
        const response = held.shift();
        if (response) resolve(response);
        else waiting.push(resolve);
      }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function configText(server: string, fields = ''): string {
  return `threads: 1
admin: { listen: "127.0.0.1:0" }
logs: { access: false }
shutdown: { drain_timeout: 20s }
listeners: { web: { address: 127.0.0.1, port: 0 } }
routes: [{ name: all, pool: web }]
pools: { web: { servers: ["${server}"], health: false } }
${fields}`;
}

/** Where its one listener is. */
async function urlOf(sluice: SluiceProcess): Promise<string> {
  const ready = await sluice.message('ready');
  const [listener = ''] = ready['listeners'] as string[];
  return `http://127.0.0.1:${listener.slice(listener.indexOf(':') + 1)}`;
}

t.test('SIGTERM: what is in flight is finished, then code 0 (B63)', async (t) => {
  await using backend = await startBackend();
  const folder = t.testdir({ 'sluice.yaml': configText(backend.address) });
  await using sluice = new SluiceProcess(['run'], { cwd: folder, through: 'launcher' });
  const url = await urlOf(sluice);
  const answer = request(`${url}/hold`);
  const held = await backend.next();
  sluice.child.kill('SIGTERM');
  await sluice.message('stopping');
  held.end('late');
  t.equal(await (await answer).body.text(), 'late');
  t.match(await sluice.ended, { code: 0, signal: null, stderr: '' });
});

t.test('the echo of a signal hurries nothing; a second signal ends at once (B63)', async (t) => {
  await using backend = await startBackend();
  const folder = t.testdir({ 'sluice.yaml': configText(backend.address) });
  await using sluice = new SluiceProcess(['run'], { cwd: folder, through: 'launcher' });
  const url = await urlOf(sluice);
  const answered = request(`${url}/hold`).then(
    (it) => it.statusCode,
    () => 'closed',
  );
  const held = await backend.next();
  // A terminal signals the launcher and main, and the launcher passes its own on: main gets it twice.
  sluice.child.kill('SIGINT');
  sluice.child.kill('SIGINT');
  const before = systemClock.nowMs();
  await sluice.message('stopping');
  t.equal(sluice.child.exitCode, null);
  // What is tested here is time itself: a second request comes later than any echo.
  await delay(systemClock, ECHO_MS - (systemClock.nowMs() - before) + 50);
  sluice.child.kill('SIGINT');
  t.match(await sluice.ended, { code: 3, signal: null });
  t.not(await answered, 200, 'answered with 503 or closed, as there was time for');
  held.destroy();
});

t.test('a drain that takes too long is cut: code 3', async (t) => {
  await using backend = await startBackend();
  const text = configText(backend.address).replace('20s', '100ms');
  const folder = t.testdir({ 'sluice.yaml': text });
  await using sluice = new SluiceProcess(['run'], { cwd: folder });
  const url = await urlOf(sluice);
  const answered = request(`${url}/hold`).then((it) => it.statusCode);
  const held = await backend.next();
  sluice.child.kill('SIGTERM');
  t.match(await sluice.ended, { code: 3, signal: null });
  t.equal(await answered, 503, 'nothing of the answer was sent: it can still be told why');
  held.destroy();
});

t.test('SIGHUP: a good file is in force at once, a bad one changes nothing', async (t) => {
  await using first = await startBackend();
  const folder = t.testdir({ 'sluice.yaml': configText(first.address) });
  const file = join(folder, 'sluice.yaml');
  await using sluice = new SluiceProcess(['run'], { cwd: folder });
  const url = await urlOf(sluice);
  const status = async (): Promise<number> => {
    const answer = await request(url);
    await answer.body.dump();
    return answer.statusCode;
  };
  t.equal(await status(), 200);

  writeFileSync(file, readFileSync(file, 'utf8').replace('health: false', 'helth: false'));
  sluice.child.kill('SIGHUP');
  const refused = await sluice.message('the new configuration was refused');
  t.match(refused, {
    level: 'error',
    message: /sluice\.yaml:7:\d+ +error +pools\.web: unknown key "helth"[\s\S]*▸ 7 │[\s\S]*was not changed/,
  });
  t.equal(await status(), 200);

  writeFileSync(
    file,
    configText(first.address)
      .replace('pool: web', 'respond: 204')
      .replace(/pools.*\n/, ''),
  );
  sluice.child.kill('SIGHUP');
  const reloaded = await sluice.message('reloaded');
  t.match(reloaded, { level: 'info', removed: ['pool web', `server web ${first.address}`] });
  t.equal(await status(), 204);

  const seen = sluice.lines.length;
  sluice.child.kill('SIGHUP');
  await sluice.message('reloaded: nothing has changed', seen);

  const taken = createNetServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' ? address?.port : 0;
  writeFileSync(file, readFileSync(file, 'utf8').replace(/port: 0/, `port: ${port}`));
  sluice.child.kill('SIGHUP');
  t.match(await sluice.message('the new configuration was refused: listener "web"'), { code: 'port_taken' });
  t.equal(await status(), 204);
  taken.close();
});

t.test('what only a restart changes is said', async (t) => {
  const folder = t.testdir({ 'sluice.yaml': configText('127.0.0.1:1') });
  await using sluice = new SluiceProcess(['run'], { cwd: folder });
  await urlOf(sluice);
  writeFileSync(join(folder, 'sluice.yaml'), configText('127.0.0.1:1').replace('threads: 1', 'threads: 2'));
  sluice.child.kill('SIGHUP');
  t.match(await sluice.message('takes effect after a restart'), { level: 'warn', settings: ['threads'] });
});

t.test('SIGUSR2 writes the state to the log', async (t) => {
  const folder = t.testdir({ 'sluice.yaml': configText('127.0.0.1:1') });
  await using sluice = new SluiceProcess(['run'], { cwd: folder });
  await urlOf(sluice);
  sluice.child.kill('SIGUSR2');
  t.match(await sluice.message('state'), {
    generation: 1,
    ready: true,
    threads: 1,
    pools: { web: [{ server: '127.0.0.1:1', in_flight: 0, weight: 1 }] },
  });
});

t.test('a port that another program has: code 1, and what to do', async (t) => {
  const taken = createNetServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const text = configText('127.0.0.1:1').replace('port: 0', `port: ${port}`);
  const folder = t.testdir({ 'sluice.yaml': text });
  await using sluice = new SluiceProcess(['run'], { cwd: folder });
  t.match(await sluice.message('could not start'), { code: 'port_taken', hint: /Choose another port/ });
  t.match(await sluice.ended, { code: 1, stderr: '' });

  // With the log in a file, who looks at the terminal is told as well.
  writeFileSync(join(folder, 'sluice.yaml'), text.replace('logs: {', 'logs: { file: x.log,'));
  await using silent = new SluiceProcess(['run'], { cwd: folder });
  t.match(await silent.ended, { code: 1, stdout: '', stderr: /error: listener "web": port \d+ is taken/ });
  taken.close();
});

t.test('without a file: another admin port when the usual one is taken', async (t) => {
  await using backend = await startBackend();
  // Whoever has it, this test or another program, it is taken now.
  const taken = createNetServer();
  taken.on('error', () => {});
  taken.listen(9900, '127.0.0.1');
  const args = ['--listen', 'http://127.0.0.1:0', '--server', backend.address];
  await using sluice = new SluiceProcess(args, { cwd: t.testdir({}) });
  const answer = await request(await urlOf(sluice));
  t.equal(await answer.body.text(), 'hello');
  const { url } = await sluice.message('admin API');
  const probe = await request(`${url}/readyz`);
  t.equal(probe.statusCode, 200);
  await probe.body.dump();
  sluice.child.kill('SIGHUP');
  await sluice.message('reloaded: nothing has changed');
  sluice.child.kill('SIGTERM');
  t.match(await sluice.ended, { code: 0 });
  taken.close();
});
