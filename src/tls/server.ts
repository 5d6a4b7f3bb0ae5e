/**
 * TLS towards the clients, the half that runs in every data thread: certificates of a snapshot become
 * OpenSSL contexts, and a server name becomes one of them.
 *
 * - `compileTls` is the first phase of a reload: it throws when anything is wrong and touches nothing.
 *   `ListenerTls.use` is the second: it swaps and cannot fail. Open connections keep their old context.
 * - Sessions resume in every thread and after a reload, because the ticket key comes from the main thread
 *   and not from OpenSSL. It is derived per `scope` (HKDF), and the session id context holds the scope and
 *   the names served: a session made on one listener is worth nothing on another (nginx CVE-2025-23419),
 *   nor after the listener has stopped serving that name. OpenSSL itself resumes no session under another
 *   server name than it was made for. A renewed certificate keeps its names, so sessions survive it.
 * - `strictSni` answers an unknown or missing name with a context that has no certificate. That makes
 *   OpenSSL send the alert handshake_failure (40). Node can send no `unrecognized_name` (112), and an error
 *   passed to the SNI callback would cut the connection with no alert at all.
 * - The SNI callback never throws (Node CVE-2026-21637: a throw there ends the process).
 * - On a session resumed with TLS 1.2 Node reports no `servername` on the server's socket.
 */
import { constants, createHash, hkdfSync } from 'node:crypto';
import type { Server, TLSSocketOptions, TlsOptions } from 'node:tls';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { errorText, SluiceError } from '../kernel/errors.ts';
import { ServerNameTable } from './server-name.ts';
import type { CertificateMaterial, ListenerTlsOptions } from './types.ts';

/**
 * Mozilla's intermediate profile (https://ssl-config.mozilla.org/guidelines/5.7.json) without its DHE
 * suites: they need parameters of our own and let a client burn our CPU (CVE-2002-20001, "D(HE)at").
 */
export const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Seconds that a session may be resumed; RFC 8446 allows seven days, a stolen ticket should live shorter. */
const SESSION_TIMEOUT_S = 7200;

export const TICKET_KEY_BYTES = 48;

type SniCallback = NonNullable<TlsOptions['SNICallback']>;

/** A listener's TLS as compiled from one snapshot; never edited. */
export interface CompiledTls {
  /** Of all that it was compiled from. */
  readonly fingerprint: string;
  /** For clients that name no server: the first certificate, or none with `strictSni`. */
  readonly context: SecureContext;
  /** The same as options, for `tls.createServer` and `server.setSecureContext`. */
  readonly contextOptions: SecureContextOptions;
  /** The protocols in ALPN's wire form (RFC 7301), ready for every socket. */
  readonly alpnWire: Buffer;
  /** False when every name gets the same context: then the handshake needs no callback. */
  readonly choosesByName: boolean;
  /** The context for a server name; never throws. */
  pick(serverName: string): SecureContext;
}

/**
 * @param known what was compiled before: it is the answer when nothing has changed. An OpenSSL context is some 40 KiB that
 * the collector does not see, so that a reload for each of them would let the process grow.
 * @throws SluiceError when a certificate is missing or OpenSSL refuses it.
 */
export function compileTls(options: ListenerTlsOptions, known?: CompiledTls): CompiledTls {
  const materials = chooseMaterials(options);
  const fingerprint = fingerprintOf(options, materials);
  if (known?.fingerprint === fingerprint) return known;
  const table = new ServerNameTable<number>();
  for (const [index, material] of materials.entries()) table.add(material.names, index);
  const shared = sharedOptions(options, table.claimed());
  const contexts = materials.map((material) => createContext(material, shared));
  const first = materials[0];
  const firstContext = contexts[0];
  if (first === undefined || firstContext === undefined) {
    throw new SluiceError('tls_no_certificate', `listener "${options.scope}" has no certificate`, {
      hint: 'List at least one name of `certificates:` under its tls.certificates.',
    });
  }
  const refusing = options.strictSni ? createSecureContext(shared) : undefined;
  const fallback = refusing ?? firstContext;
  return {
    fingerprint,
    context: fallback,
    contextOptions: refusing ? shared : { ...shared, cert: first.certPem, key: first.keyPem },
    alpnWire: encodeAlpn(options.alpn),
    choosesByName: options.strictSni || contexts.length > 1,
    pick: (serverName) => {
      const index = table.find(serverName);
      return (index === undefined ? undefined : contexts[index]) ?? fallback;
    },
  };
}

/**
 * Owns which compiled TLS a listener uses now. `socketOptions()` is for sockets accepted by `node:net`;
 * `serverOptions()` with `attach` is for `node:tls`, `node:https` and `node:http2` servers.
 */
export class ListenerTls {
  #current: CompiledTls;
  #socketOptions: TLSSocketOptions;
  readonly #servers = new Set<Server>();

  constructor(compiled: CompiledTls) {
    this.#current = compiled;
    this.#socketOptions = this.#compileSocketOptions();
  }

  get current(): CompiledTls {
    return this.#current;
  }

  /** Node's SNI callback over whatever is current; never throws. */
  readonly sniCallback: SniCallback = (serverName, done) => {
    let context: SecureContext;
    try {
      context = this.#current.pick(serverName);
    } catch {
      context = this.#current.context;
    }
    done(null, context);
  };

  /** Options for `new TLSSocket(accepted, …)`. The object is shared by all sockets until the next `use`. */
  socketOptions(): TLSSocketOptions {
    return this.#socketOptions;
  }

  /** Options for a server of Node's own; `attach` it so that it follows `use`. */
  serverOptions(): TlsOptions {
    return {
      ...this.#current.contextOptions,
      SNICallback: this.sniCallback,
      ALPNProtocols: this.#current.alpnWire,
    };
  }

  attach(server: Server): void {
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
  }

  /** From now on handshakes use `next`; connections that are open go on undisturbed. */
  use(next: CompiledTls): void {
    if (next === this.#current) return;
    this.#current = next;
    this.#socketOptions = this.#compileSocketOptions();
    for (const server of this.#servers) {
      server.setSecureContext(next.contextOptions);
      // Read at each handshake.
      (server as Server & { ALPNProtocols?: Buffer }).ALPNProtocols = next.alpnWire;
    }
  }

  #compileSocketOptions(): TLSSocketOptions {
    const { context, alpnWire, choosesByName } = this.#current;
    return {
      isServer: true,
      secureContext: context,
      ALPNProtocols: alpnWire,
      ...(choosesByName ? { SNICallback: this.sniCallback } : {}),
    };
  }
}

function fingerprintOf(options: ListenerTlsOptions, materials: readonly CertificateMaterial[]): string {
  const { scope, minVersion, strictSni, ticketKey, alpn } = options;
  const pairs = materials.map(({ names, certPem, keyPem }) => [names, certPem, keyPem]);
  return createHash('sha256')
    .update(
      JSON.stringify([scope, minVersion, strictSni, alpn, Buffer.from(ticketKey).toString('hex'), pairs]),
    )
    .digest('hex');
}

function chooseMaterials(options: ListenerTlsOptions): CertificateMaterial[] {
  return options.certificates.map((name) => {
    const material = options.materials.find((candidate) => candidate.name === name);
    if (material) return material;
    throw new SluiceError(
      'tls_unknown_certificate',
      `listener "${options.scope}": no certificate "${name}"`,
      {
        hint: `Define it under \`certificates:\`; there are: ${options.materials.map((m) => m.name).join(', ') || 'none'}.`,
      },
    );
  });
}

function sharedOptions(options: ListenerTlsOptions, claimed: readonly string[]): SecureContextOptions {
  if (options.ticketKey.length !== TICKET_KEY_BYTES) {
    throw new SluiceError(
      'tls_ticket_key',
      `the ticket key has ${options.ticketKey.length} bytes instead of ${TICKET_KEY_BYTES}`,
    );
  }
  const trust = createHash('sha256')
    .update(JSON.stringify([options.scope, options.minVersion, options.strictSni, claimed]))
    .digest();
  return {
    ciphers: CIPHERS,
    // Ours is the order, but a client that lists ChaCha20 first (no AES in hardware) gets it.
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_PRIORITIZE_CHACHA | constants.SSL_OP_NO_RENEGOTIATION,
    minVersion: options.minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    ticketKeys: Buffer.from(hkdfSync('sha256', options.ticketKey, trust, 'sluice ticket', TICKET_KEY_BYTES)),
    // At most 32 bytes (SSL_MAX_SID_CTX_LENGTH).
    sessionIdContext: trust.toString('base64url').slice(0, 32),
    sessionTimeout: SESSION_TIMEOUT_S,
  };
}

function createContext(material: CertificateMaterial, shared: SecureContextOptions): SecureContext {
  try {
    return createSecureContext({ ...shared, cert: material.certPem, key: material.keyPem });
  } catch (error) {
    throw new SluiceError('tls_certificate', `certificate "${material.name}": ${errorText(error)}`, {
      cause: error,
      hint: 'OpenSSL refuses this certificate and key.',
    });
  }
}

/** RFC 7301 section 3.1: each name after a byte with its length. */
function encodeAlpn(protocols: readonly string[]): Buffer {
  return Buffer.concat(
    protocols.map((protocol) => {
      const name = Buffer.from(protocol, 'latin1');
      if (name.length === 0 || name.length > 255) {
        throw new SluiceError('tls_alpn', `"${protocol}" is no ALPN protocol name`);
      }
      return Buffer.concat([Buffer.from([name.length]), name]);
    }),
  );
}
