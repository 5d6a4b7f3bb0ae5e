import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import t from 'tap';
import { pingCommand, pingFailure, pingTimeMs, probeIcmp } from '../../src/control/health/probe-icmp.ts';
import { probeTcp } from '../../src/control/health/probe-tcp.ts';
import { HealthChecker, type HealthReport, type IcmpCheck, type TcpCheck } from '../../src/control/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { component } from '../support/needs.ts';

const TIMING = { intervalMs: 100, timeoutMs: 2000, rise: 2, fall: 3, jitterFraction: 0.1 };
const TCP: TcpCheck = { type: 'tcp', port: undefined, ...TIMING };
const ICMP: IcmpCheck = { type: 'icmp', ...TIMING };

async function open(port = 0): Promise<{ port: number; close: () => Promise<void> }> {
  const server: Server = createServer((socket) => socket.on('error', () => {}).resume());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

function target(port: number, host = '127.0.0.1') {
  return { id: 'a', host, port };
}

t.test('a server goes down and comes back: told once each, within its rules (B33)', async (t) => {
  const reports: HealthReport[] = [];
  let look: (() => void) | undefined;
  const checker = new HealthChecker({
    clock: systemClock,
    random: new SeededRandom(5),
    report: (report) => {
      reports.push(report);
      look?.();
    },
  });
  const turned = (healthy: boolean): Promise<HealthReport> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`never turned healthy=${healthy}`)), 20_000);
      look = () => {
        const last = reports.at(-1);
        if (!last?.changed || last.healthy !== healthy) return;
        clearTimeout(timer);
        look = undefined;
        resolve(last);
      };
    });

  const first = await open();
  checker.update([{ name: 'web', check: TCP, servers: [target(first.port)] }]);
  const up = turned(true);
  await checker.start();
  t.match(await up, { pool: 'web', server: 'a', why: 'check passed' });
  t.equal(reports.length, 1, 'the first check was enough');

  const down = turned(false);
  await first.close();
  t.match(await down, { why: 'connect refused (3 times in a row)' });

  const back = turned(true);
  const second = await open(first.port);
  t.match(await back, { why: '2 checks passed in a row', state: { lastFailure: 'connect refused' } });
  t.equal(reports.filter((report) => report.changed).length, 3);

  t.match(await checker.checkNow('web', 'a'), { healthy: true });
  await checker.stop();
  const count = reports.length;
  await second.close();
  t.equal(reports.length, count, 'nothing after the stop');
});

t.test('tcp: accepted, refused, cancelled', async (t) => {
  const server = await open();
  const never = new AbortController().signal;
  t.match(await probeTcp(target(server.port), TCP, never, systemClock), { ok: true });
  t.match(await probeTcp(target(1), { ...TCP, port: server.port }, never, systemClock), { ok: true });
  t.match(await probeTcp(target(server.port), TCP, AbortSignal.abort(), systemClock), {
    ok: false,
    why: 'timed out after 2s',
  });
  await server.close();
  t.match(await probeTcp(target(server.port), TCP, never, systemClock), {
    ok: false,
    why: 'connect refused',
  });
});

t.test('icmp: an echo from this machine', { skip: component('ping') }, async (t) => {
  const never = new AbortController().signal;
  const result = await probeIcmp(target(0), ICMP, never, systemClock);
  if (!result.ok && result.why.includes('not permitted')) {
    t.comment(result.why);
    return;
  }
  t.match(result, { ok: true });
  t.ok(result.responseMs > 0 && result.responseMs < 2000);
  t.match(await probeIcmp(target(0, 'no-such-host.invalid'), ICMP, never, systemClock), {
    ok: false,
    why: /^(host name not found|name server does not answer)$/,
  });
  t.match(await probeIcmp(target(0), ICMP, AbortSignal.abort(), systemClock), {
    ok: false,
    why: 'timed out after 2s',
  });
  t.match(
    await probeIcmp(target(0, '-f'), ICMP, never, systemClock),
    { ok: false, why: /host name not found|name server/ },
    'a name is never taken for an option',
  );
});

t.test('icmp: without ping it says which package to install', async (t) => {
  const never = new AbortController().signal;
  t.match(await probeIcmp(target(0), ICMP, never, systemClock, 'linux', '/nowhere'), {
    ok: false,
    why: /`ping` is missing: install the package iputils-ping/,
  });
});

t.test('icmp: how ping is called', async (t) => {
  t.strictSame(pingCommand('10.0.0.1', 1500, 'linux'), {
    command: 'ping',
    args: ['-n', '-c', '1', '-W', '2', '--', '10.0.0.1'],
  });
  t.strictSame(pingCommand('fe80::1%eth0', 200, 'linux').args, [
    '-6',
    '-n',
    '-c',
    '1',
    '-W',
    '1',
    '--',
    'fe80::1%eth0',
  ]);
  t.strictSame(pingCommand('10.0.0.1', 1500, 'darwin').args, [
    '-n',
    '-c',
    '1',
    '-W',
    '1500',
    '--',
    '10.0.0.1',
  ]);
  t.equal(pingCommand('::1', 1500, 'darwin').command, 'ping6');
});

t.test('icmp: what ping says', async (t) => {
  t.equal(pingTimeMs('64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.736 ms'), 0.736);
  t.equal(pingTimeMs('64 bytes from ::1: seq=0 ttl=64 time<1 ms'), 1);
  t.equal(pingTimeMs('nothing'), undefined);
  for (const [output, why] of [
    ['ping: socktype: SOCK_RAW\nping: socket: Operation not permitted', /cap_net_raw/],
    ['ping: nohost: Name or service not known', /^host name not found$/],
    ["ping: bad address 'nohost'", /^host name not found$/],
    ['ping: x: Temporary failure in name resolution', /^name server does not answer$/],
    [
      'From 10.0.0.9 icmp_seq=1 Destination Host Unreachable\n1 packets transmitted, 0 received, 100% packet loss',
      /^host unreachable$/,
    ],
    ['1 packets transmitted, 0 received, 100% packet loss, time 0ms', /^no echo within 2000ms$/],
    ['ping: something else', /^ping failed: ping: something else$/],
    ['', /it said nothing/],
  ] as const)
    t.match(pingFailure(output, 2000), why);
});
