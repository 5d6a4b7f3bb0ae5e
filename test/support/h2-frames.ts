/**
 * HTTP/2 by hand: frames as bytes (RFC 9113 section 4), fields as literals that name themselves (RFC 7541 section 6.2.2, no
 * Huffman code), so that a test can send what no library would. Of what comes back the frames are told apart; fields are
 * not unpacked but for the statuses of the static table.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const WAIT_MS = 10_000;
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;

/** Error codes (RFC 9113 section 7). */
export const CODE = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
} as const;

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | string = '',
): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

function integer(value: number, prefixBits: number, first: number): Buffer {
  const max = 2 ** prefixBits - 1;
  if (value < max) return Buffer.of(first | value);
  const bytes = [first | max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

export type Field = readonly [name: string, value: string];

/** A block of fields: each a literal, never indexed. */
export function block(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [
      Buffer.of(0),
      integer(name.length, 7, 0),
      Buffer.from(name, 'latin1'),
      integer(value.length, 7, 0),
      Buffer.from(value, 'latin1'),
    ]),
  );
}

/** A field that is put into the table of the receiver, and then a byte that means it (RFC 7541 sections 6.1, 6.2.1). */
export function indexed([name, value]: Field): { readonly add: Buffer; readonly again: Buffer } {
  const literal = block([[name, value]]);
  literal[0] = 0x40;
  return { add: literal, again: Buffer.of(0x80 | 62) };
}

export const REQUEST: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 't.example'],
  [':path', '/'],
];

/** The usual pseudo-fields with some replaced (or, with undefined, left out), and fields behind them. */
export function request(
  changes: Readonly<Record<string, string | undefined>> = {},
  fields: readonly Field[] = [],
): Field[] {
  const known = REQUEST.map(([name, value]): [string, string | undefined] => [
    name,
    name in changes ? changes[name] : value,
  ]);
  const further = Object.entries(changes).filter(([name]) => !REQUEST.some(([it]) => it === name));
  return [
    ...([...known, ...further].filter(([, value]) => value !== undefined) as [string, string][]),
    ...fields,
  ];
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Statuses that are one byte (RFC 7541 appendix A). */
const STATUSES: Readonly<Record<number, number>> = {
  136: 200,
  137: 204,
  138: 206,
  139: 304,
  140: 400,
  141: 404,
  142: 500,
};

export const statusOf = (headers: Frame): number | undefined => STATUSES[headers.payload[0] as number];
export const codeOf = (end: Frame): number => end.payload.readUInt32BE(end.type === TYPE.goaway ? 4 : 0);

/** A client that sends frames, and remembers what came. */
export class FrameClient implements AsyncDisposable {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  isClosed = false;
  #unread: Buffer = Buffer.alloc(0);
  readonly #looks = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    const look = (): void => {
      for (const each of [...this.#looks]) each();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#unread = Buffer.concat([this.#unread, chunk]);
      this.#readFrames();
      look();
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      look();
    });
  }

  /** Connects without a word. */
  static async open(port: number, tls = false): Promise<FrameClient> {
    const where = { host: '127.0.0.1', port };
    const socket = tls
      ? connectTls({ ...where, ALPNProtocols: ['h2'], rejectUnauthorized: false })
      : connect(where);
    await once(socket, tls ? 'secureConnect' : 'connect');
    return new FrameClient(socket);
  }

  /** Connects and greets: preface, settings, and their acknowledgement. */
  static async greet(
    port: number,
    options: { tls?: boolean; settings?: Uint8Array } = {},
  ): Promise<FrameClient> {
    const client = await FrameClient.open(port, options.tls);
    client.send(Buffer.from(PREFACE, 'latin1'), frame(TYPE.settings, 0, 0, options.settings));
    await client.until('settings', (it) => it.type === TYPE.settings && it.flags === 0);
    client.send(frame(TYPE.settings, ACK, 0));
    return client;
  }

  #readFrames(): void {
    for (;;) {
      if (this.#unread.length < 9) return;
      const length = this.#unread.readUIntBE(0, 3);
      if (this.#unread.length < 9 + length) return;
      this.frames.push({
        type: this.#unread[3] as number,
        flags: this.#unread[4] as number,
        stream: this.#unread.readUInt32BE(5) & 0x7fffffff,
        payload: this.#unread.subarray(9, 9 + length),
      });
      this.#unread = this.#unread.subarray(9 + length);
    }
  }

  send(...frames: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames));
  }

  /** Sends as fast as the other side takes it. @returns false when the connection has ended */
  async push(bytes: Buffer): Promise<boolean> {
    if (this.isClosed || this.socket.destroyed) return false;
    if (this.socket.write(bytes)) {
      await new Promise((resolve) => setImmediate(resolve));
      return !this.isClosed;
    }
    await this.#when(
      'room',
      () => (this.isClosed || !this.socket.writableNeedDrain ? true : undefined),
      true,
    );
    return !this.isClosed;
  }

  /** A request whose fields are in one frame. */
  ask(stream: number, fields: readonly Field[], flags = END_STREAM): void {
    this.send(frame(TYPE.headers, flags | END_HEADERS, stream, block(fields)));
  }

  /** The first frame that matches, of those that came and those to come. */
  until(what: string, matches: (frame: Frame) => boolean): Promise<Frame> {
    return this.#when(what, () => this.frames.find(matches));
  }

  /** How a request ended: RST_STREAM, GOAWAY, the connection; or that it was answered. */
  async ending(stream: number): Promise<{ kind: string; code?: number; status?: number | undefined }> {
    return this.#when(`the end of stream ${stream}`, () => {
      const end = this.frames.find((it) => it.type === TYPE.reset && it.stream === stream);
      const answer = this.frames.find((it) => it.type === TYPE.headers && it.stream === stream);
      const isAnswered = this.frames.some(
        (it) => it.stream === stream && it.type <= TYPE.headers && (it.flags & END_STREAM) !== 0,
      );
      const goaway = this.frames.find((it) => it.type === TYPE.goaway && codeOf(it) !== CODE.none);
      if (answer && isAnswered) return { kind: 'answer', status: statusOf(answer) };
      if (end) return { kind: 'reset', code: codeOf(end) };
      if (goaway) return { kind: 'goaway', code: codeOf(goaway) };
      return this.isClosed ? { kind: 'closed' } : undefined;
    });
  }

  bodyOf(stream: number): string {
    return this.frames
      .filter((it) => it.type === TYPE.data && it.stream === stream)
      .map((it) => it.payload.toString('latin1'))
      .join('');
  }

  closed(): Promise<true> {
    return this.#when('the end of the connection', () => this.isClosed || undefined);
  }

  #when<T>(what: string, find: () => T | undefined, asksOften = false): Promise<T> {
    return new Promise((resolve, reject) => {
      const seen = (): string => this.frames.map((it) => `${it.type}/${it.flags}/${it.stream}`).join(' ');
      const timer = setTimeout(() => {
        done();
        reject(new Error(`waited for ${what}; closed: ${this.isClosed}; frames: ${seen().slice(-400)}`));
      }, WAIT_MS);
      const done = (): void => {
        clearTimeout(timer);
        this.#looks.delete(look);
        if (asksOften) this.socket.off('drain', look);
      };
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        done();
        resolve(found);
      };
      this.#looks.add(look);
      if (asksOften) this.socket.on('drain', look);
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed();
  }
}
