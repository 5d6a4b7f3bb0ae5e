/**
 * Clients in a thread of their own that use all the streams of their connections and open the next as soon as one is over:
 * frames made beforehand, since a client of Node's is too slow for that.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { block, END_HEADERS, END_STREAM, type Field, frame, PREFACE, TYPE } from './h2-frames.ts';

const CLIENT = `
  const { connect } = require('node:tls');
  const { parentPort, workerData } = require('node:worker_threads');
  const { port, connections, streams, requests, hello, ack, types, endStream } = workerData;
  const request = Buffer.from(workerData.request);
  const ends = {};
  let open = connections;
  for (let i = 0; i < connections; i++) {
    const socket = connect({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false });
    let id = 1, left = requests, over = 0, rest = Buffer.alloc(0), isReady = false;
    const count = (end) => { ends[end] = (ends[end] ?? 0) + 1; over++; };
    const ask = (count) => {
      const frames = [];
      for (; count > 0 && left > 0; count--, left--, id += 2) {
        const copy = Buffer.from(request);
        for (let at = 0; at < copy.length; at += 9 + copy.readUIntBE(at, 3)) copy.writeUInt32BE(id, at + 5);
        frames.push(copy);
      }
      if (frames.length > 0) socket.write(Buffer.concat(frames));
    };
    socket.write(hello);
    socket.on('error', () => {});
    socket.on('close', () => {
      if (over < requests) ends['closed early'] = (ends['closed early'] ?? 0) + requests - over;
      if (--open === 0) parentPort.postMessage(ends);
    });
    socket.on('data', (bytes) => {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      let at = 0, done = 0;
      while (rest.length - at >= 9 && rest.length - at >= 9 + rest.readUIntBE(at, 3)) {
        const type = rest[at + 3], flags = rest[at + 4], payload = at + 9;
        at = payload + rest.readUIntBE(at, 3);
        if (type === types.settings && flags === 0) { socket.write(ack); if (!isReady) done = streams; isReady = true; }
        else if (type === types.reset) { count('reset with ' + rest.readUInt32BE(payload)); done++; }
        else if ((type === types.data || type === types.headers) && (flags & endStream) !== 0) { count('answered'); done++; }
      }
      rest = rest.subarray(at);
      ask(done);
      if (over === requests) socket.end();
    });
  }
`;

export interface CrowdOptions {
  readonly connections: number;
  /** At a time, of each connection. */
  readonly streams: number;
  /** In all, of each connection. */
  readonly requests: number;
  readonly bodyBytes?: number;
}

/** Asks for `/` over TLS. @returns how many requests ended in which way: `answered`, `reset with 11`, `closed early` */
export async function h2Crowd(
  port: number,
  options: CrowdOptions,
): Promise<Readonly<Record<string, number>>> {
  const { bodyBytes = 0 } = options;
  const fields: Field[] = [
    [':method', bodyBytes === 0 ? 'GET' : 'POST'],
    [':scheme', 'https'],
    [':path', '/'],
    [':authority', 'h.example'],
  ];
  let request = frame(TYPE.headers, END_HEADERS | END_STREAM, 1, block(fields));
  if (bodyBytes > 0) {
    fields.push(['content-length', `${bodyBytes}`]);
    const head = frame(TYPE.headers, END_HEADERS, 1, block(fields));
    request = Buffer.concat([head, frame(TYPE.data, END_STREAM, 1, Buffer.alloc(bodyBytes))]);
  }
  const worker = new Worker(CLIENT, {
    eval: true,
    workerData: {
      ...options,
      port,
      hello: Buffer.concat([Buffer.from(PREFACE, 'latin1'), frame(TYPE.settings, 0, 0)]),
      ack: frame(TYPE.settings, 1, 0),
      request,
      types: TYPE,
      endStream: END_STREAM,
    },
  });
  const [ends] = await once(worker, 'message');
  await worker.terminate();
  return ends;
}
