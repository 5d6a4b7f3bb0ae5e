/** A server of HTTP/2 by hand: what comes is told apart in frames (the fields are not unpacked), what goes the test says. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  ACK,
  block,
  END_HEADERS,
  END_STREAM,
  type Field,
  type Frame,
  frame,
  PREFACE,
  TYPE,
} from './h2-frames.ts';

const WAIT_MS = 10_000;
/** SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 section 6.5.2). */
const SETTING_MAX_STREAMS = 3;

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** One connection to it. */
export class FrameLink {
  readonly frames: Frame[] = [];
  readonly socket: Socket;
  /** False: pings are not answered. */
  answersPings = true;
  isClosed = false;
  /** Told of each request, beside `request`. */
  onRequest: ((stream: number) => void) | null = null;
  #unread: Buffer = Buffer.alloc(0);
  #greeting = PREFACE.length;
  readonly #looks = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('close', () => {
      this.isClosed = true;
      this.#look();
    });
    this.send(frame(TYPE.settings, 0, 0));
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    const greeting = Math.min(this.#greeting, this.#unread.length);
    this.#greeting -= greeting;
    this.#unread = this.#unread.subarray(greeting);
    while (this.#unread.length >= 9) {
      const size = this.#unread.readUIntBE(0, 3);
      if (this.#unread.length < 9 + size) break;
      const [, , , type = 0, flags = 0] = this.#unread;
      const stream = this.#unread.readUInt32BE(5);
      const payload = Buffer.from(this.#unread.subarray(9, 9 + size));
      this.#unread = this.#unread.subarray(9 + size);
      this.frames.push({ type, flags, stream, payload });
      if (type === TYPE.settings && (flags & ACK) === 0) this.send(frame(TYPE.settings, ACK, 0));
      if (type === TYPE.ping && (flags & ACK) === 0 && this.answersPings)
        this.send(frame(TYPE.ping, ACK, 0, payload));
      if (type === TYPE.headers) this.onRequest?.(stream);
    }
    this.#look();
  }

  send(...frames: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames));
  }

  head(stream: number, fields: readonly Field[], isLast = false): void {
    this.send(frame(TYPE.headers, END_HEADERS | (isLast ? END_STREAM : 0), stream, block(fields)));
  }

  data(stream: number, text: string | Buffer, isLast = false): void {
    this.send(frame(TYPE.data, isLast ? END_STREAM : 0, stream, text));
  }

  answer(stream: number, text: string): void {
    this.head(stream, [[':status', '200']]);
    this.data(stream, text, true);
  }

  reset(stream: number, code: number): void {
    this.send(frame(TYPE.reset, 0, stream, u32(code)));
  }

  goaway(lastStream: number, code: number): void {
    this.send(frame(TYPE.goaway, 0, 0, Buffer.concat([u32(lastStream), u32(code)])));
  }

  /** The n-th request that came, from 0, once it is complete. @returns its stream */
  async request(index = 0): Promise<number> {
    const heads = (): Frame[] => this.frames.filter(({ type }) => type === TYPE.headers);
    await this.until(`request ${index}`, () => heads().length > index);
    const { stream } = heads()[index] as Frame;
    return stream;
  }

  /** Announces how many streams may be open. */
  announce(streams: number): void {
    const setting = Buffer.concat([Buffer.of(0, SETTING_MAX_STREAMS), u32(streams)]);
    this.send(frame(TYPE.settings, 0, 0, setting));
  }

  /** The same, and waits until that is known. */
  async allow(streams: number): Promise<void> {
    const known = (): number =>
      this.frames.filter((it) => it.type === TYPE.settings && it.flags === ACK).length;
    await this.until('the acknowledgement of the first settings', () => known() > 0);
    const before = known();
    this.announce(streams);
    await this.until('an acknowledgement', () => known() > before);
  }

  find(type: number, stream: number): Frame | undefined {
    return this.frames.find((it) => it.type === type && it.stream === stream);
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#looks.delete(look);
        const seen = this.frames.map((it) => `${it.type}/${it.flags}/${it.stream}`).join(' ');
        reject(new Error(`waited for ${what}; closed: ${this.isClosed}; frames: ${seen}`));
      }, WAIT_MS);
      const look = (): void => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
      look();
    });
  }

  #look(): void {
    for (const look of [...this.#looks]) look();
  }
}

export class FrameServer implements AsyncDisposable {
  readonly links: FrameLink[] = [];
  /** Told of each request on whichever connection. */
  onRequest: ((link: FrameLink, stream: number) => void) | null = null;
  readonly #server: Server;
  readonly #waiting: (() => void)[] = [];

  private constructor() {
    this.#server = createServer((socket) => {
      const link = new FrameLink(socket);
      link.onRequest = (stream) => this.onRequest?.(link, stream);
      this.links.push(link);
      for (const look of this.#waiting.splice(0)) look();
    });
  }

  static async open(): Promise<FrameServer> {
    const server = new FrameServer();
    await once(server.#server.listen(0, '127.0.0.1'), 'listening');
    return server;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The n-th connection, from 0. */
  async link(index = 0): Promise<FrameLink> {
    while (this.links.length <= index) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.links[index] as FrameLink;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.links) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
