/**
 * A DNS server of the test's own, over UDP and TCP on one port, which answers as it is told and counts what it is asked.
 * Wire format: RFC 1035 section 4; SRV: RFC 2782; AAAA: RFC 3596.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, isIPv4, type Server, type Socket } from 'node:net';

export type DnsRecord =
  | { readonly type: 'A' | 'AAAA'; readonly address: string; readonly ttl?: number }
  | {
      readonly type: 'SRV';
      readonly target: string;
      readonly port: number;
      readonly priority?: number;
      readonly weight?: number;
      readonly ttl?: number;
    };

/** `silent` = no answer at all; `cut` = over UDP an answer that says it was cut short, over TCP a whole one. */
export type DnsMood = 'NOERROR' | 'SERVFAIL' | 'NXDOMAIN' | 'REFUSED' | 'silent' | 'cut' | 'wrong_id';

const TYPES = { A: 1, AAAA: 28, SRV: 33 } as const;
export type DnsType = keyof typeof TYPES;
const RCODES: Partial<Record<DnsMood, number>> = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };
const RESPONSE = 0x8180; // QR, RD, RA
const TRUNCATED = 0x0200;

export interface Question {
  readonly name: string;
  readonly type: string;
  readonly isTcp: boolean;
}

export class DnsServer implements AsyncDisposable {
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #sockets = new Set<Socket>();
  readonly #records = new Map<string, readonly DnsRecord[]>();
  readonly #moods = new Map<string, DnsMood>();
  /** In the order of arrival. */
  readonly questions: Question[] = [];
  /** Of all names that have no mood of their own. */
  mood: DnsMood = 'NOERROR';
  /** Put before each answer over UDP: what a resolver must not believe. */
  isHaunted = false;
  readonly #asked = new Set<() => void>();

  private constructor(udp: UdpSocket, tcp: Server) {
    this.#udp = udp;
    this.#tcp = tcp;
    udp.on('message', (message, from) => this.#onDatagram(message, from));
    tcp.on('connection', (socket) => this.#onConnection(socket));
  }

  static async open(): Promise<DnsServer> {
    const tcp = createServer();
    for (let tries = 0; ; tries++) {
      tcp.listen(0, '127.0.0.1');
      await once(tcp, 'listening');
      const { port } = tcp.address() as AddressInfo;
      const udp = createSocket('udp4');
      try {
        await new Promise<void>((resolve, reject) => {
          udp.once('error', reject);
          udp.bind(port, '127.0.0.1', resolve);
        });
        return new DnsServer(udp, tcp);
      } catch (error) {
        // Somebody else has that port of UDP.
        udp.close();
        await new Promise((resolve) => tcp.close(resolve));
        if (tries === 10) throw error;
      }
    }
  }

  /** `ip:port`, as `resolver` in a configuration. */
  get address(): string {
    return `127.0.0.1:${(this.#tcp.address() as AddressInfo).port}`;
  }

  set(name: string, ...records: readonly DnsRecord[]): void {
    this.#records.set(name, records);
  }

  /** IPv4 and IPv6 addresses of a name. */
  setAddresses(name: string, addresses: readonly string[], ttl = 1): void {
    this.set(
      name,
      ...addresses.map((address): DnsRecord => ({ type: isIPv4(address) ? 'A' : 'AAAA', address, ttl })),
    );
  }

  setMood(name: string, mood: DnsMood, type?: DnsType): void {
    this.#moods.set(type === undefined ? name : `${name} ${type}`, mood);
  }

  asked(name: string, type?: DnsType): number {
    return this.questions.filter((it) => it.name === name && (type === undefined || it.type === type)).length;
  }

  /** Resolves when that has been asked so many more times than now. */
  async nextAsked(name: string, type: DnsType, more = 1): Promise<void> {
    const wanted = this.asked(name, type) + more;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.asked(name, type) < wanted) return;
        this.#asked.delete(look);
        resolve();
      };
      this.#asked.add(look);
    });
  }

  #onDatagram(message: Buffer, { port, address }: RemoteInfo): void {
    const send = (answer: Buffer): void => this.#udp.send(answer, port, address);
    if (this.isHaunted) {
      const forged = Buffer.from(message);
      forged.writeUInt16BE(message.readUInt16BE(0) ^ 0x5555, 0);
      send(reply(forged, RESPONSE, [{ type: 'A', address: '192.0.2.66' }]));
    }
    const answer = this.#answer(message, false);
    if (answer) send(answer);
  }

  #onConnection(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let waiting = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      waiting = Buffer.concat([waiting, data]);
      while (waiting.length >= 2 && waiting.length >= 2 + waiting.readUInt16BE(0)) {
        const end = 2 + waiting.readUInt16BE(0);
        const answer = this.#answer(waiting.subarray(2, end), true);
        waiting = waiting.subarray(end);
        if (!answer) continue;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      }
    });
  }

  #answer(message: Buffer, isTcp: boolean): Buffer | undefined {
    const { name, type } = questionOf(message);
    this.questions.push({ name, type, isTcp });
    const mood = this.#moods.get(`${name} ${type}`) ?? this.#moods.get(name) ?? this.mood;
    queueMicrotask(() => {
      for (const look of this.#asked) look();
    });
    if (mood === 'silent') return undefined;
    const records = this.#records.get(name);
    const rcode = RCODES[mood] ?? (records === undefined ? 3 : 0);
    if (rcode !== 0) return reply(message, RESPONSE | rcode, []);
    const fitting = (records ?? []).filter((it) => it.type === type);
    if (mood === 'cut' && !isTcp) return reply(message, RESPONSE | TRUNCATED, fitting.slice(0, 1));
    const answer = reply(message, RESPONSE, fitting);
    if (mood === 'wrong_id') answer.writeUInt16BE(message.readUInt16BE(0) ^ 0x0101, 0);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#udp.close(resolve));
    await new Promise((resolve) => this.#tcp.close(resolve));
  }
}

function questionOf(message: Buffer): { name: string; type: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const code = message.readUInt16BE(at + 1);
  const type = Object.entries(TYPES).find(([, each]) => each === code)?.[0] ?? String(code);
  return { name: labels.join('.').toLowerCase(), type, end: at + 5 };
}

function reply(question: Buffer, flags: number, records: readonly DnsRecord[]): Buffer {
  const head = Buffer.from(question.subarray(0, questionOf(question).end));
  head.writeUInt16BE(flags, 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt16BE(0, 8);
  head.writeUInt16BE(0, 10);
  return Buffer.concat([head, ...records.map(encoded)]);
}

function encoded(record: DnsRecord): Buffer {
  const data = dataOf(record);
  const head = Buffer.alloc(12);
  // The name is the question's.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(TYPES[record.type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(record.ttl ?? 1, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function dataOf(record: DnsRecord): Buffer {
  if (record.type !== 'SRV')
    return record.type === 'A'
      ? Buffer.from(record.address.split('.').map(Number))
      : ipv6Bytes(record.address);
  const numbers = Buffer.alloc(6);
  numbers.writeUInt16BE(record.priority ?? 0, 0);
  numbers.writeUInt16BE(record.weight ?? 1, 2);
  numbers.writeUInt16BE(record.port, 4);
  const labels = record.target.split('.').filter((it) => it !== '');
  const name = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([numbers, ...name, Buffer.from([0])]);
}

function ipv6Bytes(address: string): Buffer {
  const [left = '', right] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((it) => Number.parseInt(it, 16));
  const [before, after] = [groups(left), groups(right ?? '')];
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  const bytes = Buffer.alloc(16);
  for (const [i, group] of [...before, ...zeros, ...after].entries()) bytes.writeUInt16BE(group, i * 2);
  return bytes;
}
