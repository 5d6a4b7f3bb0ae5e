/** A daemon that may open few files, under more clients than that: it lives, serves those it has, and recovers. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { request } from 'undici';
import { claimPort } from '../../src/assembly/ports.ts';
import { get, ok, Peer, RawServer } from '../support/peer.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const CLIENTS = 300;
const skip = process.platform === 'linux' ? false : 'reads /proc';

/** User and system time that a process has used so far, in ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

t.test('too many clients for the files there are (B65)', { skip }, async (t) => {
  await using server = await RawServer.open();
  server.answerAll(() => ok('served'));
  const port = await claimPort('test', '127.0.0.1', 0);
  const folder = t.testdir({
    'sluice.yaml': `threads: 1
admin: { listen: "127.0.0.1:0" }
listeners: { web: { address: 127.0.0.1, port: ${port} } }
routes: [{ pool: web }]
pools: { web: { servers: ["${server.address}"], health: false } }
`,
  });
  await using sluice = new SluiceProcess(['run'], { cwd: folder, openFiles: 150 });
  await sluice.message('ready');
  const { url } = await sluice.message('admin API');
  await using early = await Peer.connect(port);

  const sockets: Socket[] = [];
  let refused = 0;
  for (let i = 0; i < CLIENTS; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('close', () => refused++);
    sockets.push(socket);
    await once(socket, 'connect');
  }
  await sluice.message('too many open files');
  while (refused < 100) await sleep(10);

  t.equal((await early.ask(get())).body, 'served', 'who was there before is served, by a new connection');
  const { statusCode } = await request(`${url}/readyz`);
  t.equal(statusCode, 200, 'the admin API answers');
  const beforeMs = cpuMs(sluice.pid);
  await sleep(500);
  t.ok(cpuMs(sluice.pid) - beforeMs < 250, 'nothing spins');

  for (const socket of sockets) socket.destroy();
  const over = await sluice.message('open files suffice again');
  t.ok(Number(over['refused']) >= 100, `${over['refused']} were refused`);
  await using late = await Peer.connect(port);
  t.equal((await late.ask(get())).body, 'served', 'and so is who comes now');
  const warnings = sluice.lines.filter((it) => String(it['message']).startsWith('too many open files'));
  t.equal(warnings.length, 1, 'one warning');
});
