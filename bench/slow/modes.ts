/** The slow clients: slowhttptest's four modes, and a flood of connections that ask nothing. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { delay } from '../../src/kernel/clock.ts';
import { SluiceError } from '../../src/kernel/errors.ts';
import type { Stage } from '../stage.ts';
import { type RunningSubject, urlOf } from '../subjects/subject.ts';
import { runToEnd } from '../system/process.ts';

export interface Slow {
  readonly connections: number;
  readonly seconds: number;
}

export interface Mode {
  readonly name: string;
  readonly about: string;
  /** Runs until its time is over. @returns what the attacker saw, in a few words */
  run(stage: Stage, subject: RunningSubject, slow: Slow): Promise<string>;
}

function slowHttpTest(name: string, about: string, path: string, options: readonly string[]): Mode {
  return {
    name,
    about,
    async run(stage, subject, { connections, seconds }) {
      const common = [
        '-c',
        String(connections),
        '-r',
        String(Math.ceil(connections / 5)),
        '-l',
        String(seconds),
      ];
      const args = [...options, ...common, '-p', '3', '-u', urlOf(subject, 'http', path)];
      const { stdout, exitCode } = await runToEnd('slowhttptest', args, { signal: stage.signal });
      const plain = stdout.replace(/\x1b\[[0-9;]*m/g, '');
      const status = /service available:\s+(\w+)(?![\s\S]*service available:)/.exec(plain)?.[1];
      if (status === undefined)
        throw new SluiceError('bench_slowhttptest', `slowhttptest ended with ${exitCode}`, {
          hint: plain.slice(-300),
        });
      return `service available: ${status}`;
    },
  };
}

const idle: Mode = {
  name: 'idle',
  about: 'connections that ask nothing, half of them over TLS',
  async run(stage, subject, { connections, seconds }) {
    const endMs = stage.clock.nowMs() + seconds * 1000;
    const sockets: Socket[] = [];
    let ended = 0;
    for (let i = 0; i < connections; i++) {
      const where = { host: '127.0.0.1', port: i % 2 === 0 ? subject.plainPort : subject.tlsPort };
      const socket = i % 2 === 0 ? connect(where) : connectTls({ ...where, rejectUnauthorized: false });
      socket.on('error', () => {});
      socket.on('close', () => ended++);
      sockets.push(socket);
      if (i % 20 === 0) await once(socket, i % 2 === 0 ? 'connect' : 'secureConnect');
    }
    await delay(stage.clock, Math.max(0, endMs - stage.clock.nowMs()));
    const text = `${ended} ended by the balancer`;
    for (const socket of sockets) socket.destroy();
    return text;
  },
};

export const MODES: readonly Mode[] = [
  slowHttpTest('head drip', 'slowhttptest -H: a field each second, never the end of a head', 'small', [
    ...['-H', '-i', '1', '-x', '24'],
  ]),
  slowHttpTest('body drip', 'slowhttptest -B: a body of 1 MiB, some bytes each second', 'small', [
    ...['-B', '-i', '1', '-s', '1048576', '-x', '10'],
  ]),
  slowHttpTest('slow read', 'slowhttptest -X: 1 MiB answers, 32 bytes each second, a small window', '1m', [
    ...['-X', '-n', '1', '-z', '32', '-w', '512', '-y', '1024', '-k', '1'],
  ]),
  slowHttpTest('range', 'slowhttptest -R: hundreds of ranges in one field', '16k', [
    '-R',
    '-a',
    '1',
    '-b',
    '1000',
  ]),
  idle,
];
