/** PROXY headers as a proxy in front writes them, for tests: also wrong ones. */
import { crc32c } from '../../src/listen/crc32c.ts';

export const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

export interface V2Parts {
  /** Version and command; 0x21 = PROXY, 0x20 = LOCAL. */
  readonly command?: number;
  /** Family and transport; 0x11 = TCP over IPv4. */
  readonly family?: number;
  readonly addresses?: Buffer;
  readonly values?: readonly Buffer[];
  /** What the length field says; without it the truth. */
  readonly length?: number;
}

/** Two IPv4 addresses and ports, 12 bytes. */
export function addresses4(source: string, sourcePort: number, target: string, targetPort: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.set([...source.split('.'), ...target.split('.')].map(Number));
  bytes.writeUInt16BE(sourcePort, 8);
  bytes.writeUInt16BE(targetPort, 10);
  return bytes;
}

/** Two IPv6 addresses, as 32 hexadecimal digits each, and ports, 36 bytes. */
export function addresses6(source: string, sourcePort: number, target: string, targetPort: number): Buffer {
  const bytes = Buffer.alloc(36);
  bytes.write(source + target, 'hex');
  bytes.writeUInt16BE(sourcePort, 32);
  bytes.writeUInt16BE(targetPort, 34);
  return bytes;
}

/** Type, length, value. */
export function value(type: number, bytes: Buffer | string, length = bytes.length): Buffer {
  const head = Buffer.from([type, length >> 8, length & 0xff]);
  return Buffer.concat([head, Buffer.from(bytes as string)]);
}

export const CLIENT4 = addresses4('203.0.113.7', 50_123, '198.51.100.1', 443);

export function v2(parts: V2Parts = {}): Buffer {
  const { command = 0x21, family = 0x11, addresses = CLIENT4, values = [] } = parts;
  const behind = Buffer.concat([addresses, ...values]);
  const length = parts.length ?? behind.length;
  return Buffer.concat([SIGNATURE, Buffer.from([command, family, length >> 8, length & 0xff]), behind]);
}

/** The same with a checksum as its last value. `off` is added to it. */
export function v2WithChecksum(parts: V2Parts = {}, off = 0): Buffer {
  const header = v2({ ...parts, values: [...(parts.values ?? []), value(3, Buffer.alloc(4))] });
  header.writeUInt32BE((crc32c(header) + off) >>> 0, header.length - 4);
  return header;
}

export function v1(source = '203.0.113.7', port = 50_123, target = '198.51.100.1', targetPort = 443): string {
  return `PROXY TCP${source.includes(':') ? 6 : 4} ${source} ${target} ${port} ${targetPort}\r\n`;
}
