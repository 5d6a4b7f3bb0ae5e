/**
 * TLS towards the servers of a pool, in the data threads.
 *
 * Verification is on unless the configuration says `verify: false` in so many words; an authority file that
 * cannot be read or holds no certificate is an error and never means "trust the public ones" (Caddy
 * CVE-2026-27586). The name that is verified is fixed when the pool is compiled: `name`, else the host of
 * the server's address; Node's own fallback to 'localhost' for sockets without a host cannot happen.
 *
 * Sessions are cached per server inside one compiled pool, so none that was made under one trust is resumed
 * under another. Only a connection that was verified leaves a session behind: Node checks the name in a
 * certificate on full handshakes only.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { errorText, SluiceError } from '../kernel/errors.ts';
import { isCutPem, pemBlocks } from './pem.ts';
import { normalizeName } from './server-name.ts';
import type { UpstreamTlsOptions } from './types.ts';

/** The TLS of one pool. */
export interface UpstreamTls {
  readonly verify: boolean;
  /** For one server; keep it as long as the server, it holds the server's session. `host` as in its address. */
  forServer(host: string): ServerTls;
}

/** @throws SluiceError when `ca` holds no usable certificate. */
export function compileUpstreamTls(options: UpstreamTlsOptions): UpstreamTls {
  if (options.ca !== undefined) checkAuthorities(options.ca, 'ca');
  // One context for the pool: making one per connection would parse the authorities every time.
  const context = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  return {
    verify: options.verify,
    forServer: (host) =>
      new ServerTls(context, normalizeName(options.name ?? host), options.verify, options.alpn ?? 'http/1.1'),
  };
}

/** TLS to one server: options for `tls.connect`, and the session to resume. */
export class ServerTls {
  /** The name or IP address that the certificate must be good for. */
  readonly identity: string;
  readonly #options: ConnectionOptions;
  #session: Buffer | undefined;

  constructor(context: SecureContext, identity: string, verify: boolean, alpn: string) {
    this.identity = identity;
    this.#session = undefined;
    this.#options = {
      secureContext: context,
      rejectUnauthorized: verify,
      // An IP address is never sent as a server name (RFC 6066 section 3); '' tells Node to send none.
      servername: isIP(identity) === 0 ? identity : '',
      checkServerIdentity: (_host, cert) => checkServerIdentity(identity, cert),
      ALPNProtocols: [alpn],
    };
  }

  /** To be spread into `tls.connect({ host, port, … })` or `{ socket, … }`; then call `follow` on the socket. */
  connectOptions(): ConnectionOptions {
    return this.#session === undefined ? this.#options : { ...this.#options, session: this.#session };
  }

  /** Keeps the newest session of a connection once it is verified; drops it when a handshake fails. */
  follow(socket: TLSSocket): void {
    let isTrusted = false;
    let pending: Buffer | undefined;
    // With TLS 1.2 the session comes before the verdict, with 1.3 after it.
    socket.on('session', (session: Buffer) => {
      if (isTrusted) this.#session = session;
      else pending = session;
    });
    socket.once('secureConnect', () => {
      isTrusted = true;
      if (pending !== undefined) this.#session = pending;
    });
    socket.once('error', () => {
      if (!isTrusted) this.#session = undefined;
    });
  }
}

/**
 * Every PEM block must be a certificate, and there must be one: Node ignores what it cannot read in `ca`.
 * @param origin what to call the text in an error: a path or a key of the configuration.
 */
export function checkAuthorities(pem: string, origin: string): void {
  const blocks = pemBlocks(pem).filter((block) => block.label.endsWith('CERTIFICATE'));
  if (blocks.length === 0 || isCutPem(pem)) {
    throw new SluiceError(
      'tls_authorities',
      `${origin}: there is no complete certificate in it, or the last one is cut off`,
      {
        hint: 'A PEM file with one or more -----BEGIN CERTIFICATE----- blocks is needed.',
      },
    );
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block.text);
    } catch (error) {
      throw new SluiceError(
        'tls_authorities',
        `${origin}: certificate ${index + 1} of ${blocks.length} is damaged: ${errorText(error)}`,
        { cause: error, hint: 'Fetch the file again; it must be complete.' },
      );
    }
  }
}
