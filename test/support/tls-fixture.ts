/** Certificates and handshakes for the TLS tests. Everything is made fresh; keys are real and never reused. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type ConnectionOptions, connect, TLSSocket, type TLSSocketOptions } from 'node:tls';
import forge from 'node-forge';
import { systemClock } from '../../src/kernel/clock.ts';
import { secretBytes } from '../../src/kernel/random.ts';
import { makeAuthority, makeLeaf, type PemPair } from '../../src/tls/forge-certificates.ts';
import type { CertificateMaterial, ListenerTlsOptions } from '../../src/tls/index.ts';
import { permittedWith } from '../../src/tls/local-names.ts';
import { readPair } from '../../src/tls/pem.ts';

/** An authority that may sign development names and `names`. */
export function authorityFor(...names: string[]): PemPair {
  return makeAuthority(permittedWith(undefined, names), systemClock.wallMs());
}

export function materialFor(
  authority: PemPair,
  name: string,
  names: readonly string[],
  wallMs = systemClock.wallMs(),
): CertificateMaterial {
  const leaf = makeLeaf(authority, names, wallMs);
  return readPair(name, { ...leaf, certFile: `${name}.crt`, keyFile: `${name}.key` });
}

export function listenerOptions(
  materials: readonly CertificateMaterial[],
  more: Partial<ListenerTlsOptions> = {},
): ListenerTlsOptions {
  return {
    scope: 'https',
    materials,
    certificates: materials.map((material) => material.name),
    minVersion: '1.2',
    strictSni: false,
    ticketKey: Uint8Array.from(secretBytes(48)),
    alpn: ['http/1.1'],
    ...more,
  };
}

/** A server certificate that nobody signed but its own key. */
export function selfSignedPair(name: string): PemPair {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const cert = forge.pki.createCertificate();
  cert.publicKey = forge.pki.publicKeyFromPem(publicKey);
  cert.serialNumber = '01';
  cert.validity.notBefore = new Date(systemClock.wallMs() - 3_600_000);
  cert.validity.notAfter = new Date(systemClock.wallMs() + 3_600_000);
  const subject = [{ name: 'commonName', value: name }];
  cert.setSubject(subject);
  cert.setIssuer(subject);
  cert.setExtensions([{ name: 'subjectAltName', altNames: [{ type: 2, value: name }] }]);
  cert.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  return { certPem: forge.pki.certificateToPem(cert), keyPem: privateKey };
}

/** What one side saw of a handshake. */
export interface Seen {
  readonly error: Error | undefined;
  /** SHA-256 of the certificate that was shown. */
  readonly fingerprint: string | undefined;
  readonly isReused: boolean;
  readonly protocol: string | null;
  readonly alpn: string | false | null;
  readonly session: Buffer | undefined;
}

export interface EchoServer extends AsyncDisposable {
  readonly port: number;
  /** Errors of handshakes, oldest first; `nextError` waits for one. */
  nextError(): Promise<Error>;
}

/** An echo server on a raw listener, as the data threads have it. Greets with `hi`. */
export async function echoServer(options: () => TLSSocketOptions): Promise<EchoServer> {
  const open = new Set<Socket>();
  const errors: Error[] = [];
  const waiters: ((error: Error) => void)[] = [];
  const server = createServer((raw) => {
    open.add(raw);
    raw.once('close', () => open.delete(raw));
    const socket = new TLSSocket(raw, options());
    socket.once('secure', () => socket.write('hi'));
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => socket.end());
    socket.on('error', (error) => {
      const waiter = waiters.shift();
      if (waiter) waiter(error);
      else errors.push(error);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    nextError: () => {
      const error = errors.shift();
      return error ? Promise.resolve(error) : new Promise((resolve) => waiters.push(resolve));
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Connects, waits for the greeting (by then a session has come), hangs up, and tells what it saw. */
export function handshake(port: number, options: ConnectionOptions): Promise<Seen> {
  return new Promise((resolve) => {
    let session: Buffer | undefined;
    const socket = connect({ host: '127.0.0.1', port, ...options });
    const seen = (error: Error | undefined): Seen => ({
      error,
      fingerprint: socket.getPeerX509Certificate()?.fingerprint256,
      isReused: socket.isSessionReused(),
      protocol: socket.getProtocol(),
      alpn: socket.alpnProtocol,
      session,
    });
    socket.on('session', (bytes: Buffer) => {
      session = bytes;
    });
    socket.once('error', (error) => resolve(seen(error)));
    socket.once('data', () => {
      resolve(seen(undefined));
      socket.destroy();
    });
  });
}

/** Lets tests wait for the next event instead of for some time. */
export class Mailbox<Message> {
  readonly #messages: Message[] = [];
  readonly #waiters: ((message: Message) => void)[] = [];
  readonly put = (message: Message): void => {
    const waiter = this.#waiters.shift();
    if (waiter) waiter(message);
    else this.#messages.push(message);
  };
  next(): Promise<Message> {
    const message = this.#messages.shift();
    return message === undefined
      ? new Promise((resolve) => this.#waiters.push(resolve))
      : Promise.resolve(message);
  }
  /** Skips messages until one matches. */
  async until(matches: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const message = await this.next();
      if (matches(message)) return message;
    }
  }
  get size(): number {
    return this.#messages.length;
  }
}

/** Shakes hands and leaves: the error, if there was one. */
export function shakeHands(port: number, options: ConnectionOptions): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ...options });
    const done = (error: Error | undefined): void => {
      socket.destroy();
      resolve(error);
    };
    socket.once('error', done);
    socket.once('secureConnect', () => done(undefined));
  });
}
