/**
 * Owns the certificates of one configuration: loads them, follows their files, has the self-signed ones made.
 *
 * - `start` fails when any certificate is unusable, and names all that are. Later nothing it meets is fatal:
 *   a pair that is half written, does not match, or vanished leaves the one that works in use, and says so.
 * - What the owner gets is a complete list, each time something in it has changed.
 * - Its options never change: a reload of the configuration makes a new store, starts it (the check), swaps,
 *   and stops the old one.
 * - Folders are watched and polled besides, since network file systems report nothing. The poll is also what
 *   notices expiry and renews self-signed certificates.
 */
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../kernel/clock.ts';
import { errorText, SluiceError } from '../kernel/errors.ts';
import { BaseService } from '../kernel/service.ts';
import { type ExpiryNotice, expiryNotice } from './expiry.ts';
import { FolderWatch } from './folder-watch.ts';
import { keyFileOf } from './local-files.ts';
import { readCertificateFiles } from './pem-file.ts';
import { authorityFileOf, provideLocalCertificates } from './self-signed.ts';
import { trustInstructions } from './trust.ts';
import type { CertificateMaterial, CertificateSource, OnTlsEvent, TlsEvent } from './types.ts';

export interface CertificateStoreOptions {
  /** By name. */
  readonly certificates: Readonly<Record<string, CertificateSource>>;
  /** Folder of the self-signed certificates and their authority, e.g. `certs` or `data/demo/certs`. */
  readonly directory: string;
  /** From the first sign of a change to the look at the files; renewals write several. Default 200. */
  readonly debounceMs?: number;
  /** From a look that found a bad pair to the one that believes it. Default 1000. */
  readonly settleMs?: number;
  /** Default 30 000. */
  readonly pollMs?: number;
}

export interface CertificateStoreDeps {
  readonly clock: Clock;
  readonly onEvent?: OnTlsEvent | undefined;
  /** Called with all certificates when any has changed; not for those that `start` loaded. */
  readonly onChange?: ((materials: readonly CertificateMaterial[]) => void) | undefined;
}

export class CertificateStore extends BaseService {
  readonly name = 'certificates';
  readonly #sources: readonly (readonly [string, CertificateSource])[];
  readonly #options: CertificateStoreOptions;
  readonly #deps: CertificateStoreDeps;
  readonly #watch: FolderWatch;
  #materials: ReadonlyMap<string, CertificateMaterial> = new Map();
  /** What has been said about a certificate, so that a poll does not say it again. */
  readonly #complaints = new Map<string, string>();
  readonly #expirySaid = new Map<string, ExpiryNotice['key']>();
  #ticker: Timer | undefined;
  #soon: Timer | undefined;
  /** Looks at the files follow one another. */
  #queue: Promise<void> = Promise.resolve();

  constructor(options: CertificateStoreOptions, deps: CertificateStoreDeps) {
    super();
    this.#options = options;
    this.#deps = deps;
    this.#sources = Object.entries(options.certificates);
    this.#watch = new FolderWatch(
      () => this.#lookSoon(options.debounceMs ?? 200, true),
      (folder, why) =>
        this.#say(
          'watch_failed',
          'warn',
          folder,
          `cannot watch ${folder}, looking at it now and then: ${why}`,
        ),
    );
  }

  /** All certificates in the order of the configuration; plain data, fit for `postMessage`. */
  materials(): readonly CertificateMaterial[] {
    return [...this.#materials.values()];
  }

  /** The certificate that clients must trust, when there are self-signed ones. */
  authorityFile(): string | undefined {
    return this.#selfSigned().length > 0 ? authorityFileOf(this.#options.directory) : undefined;
  }

  /** Looks at all files now, e.g. on SIGHUP; resolves when `onChange` was called, if there was a change. */
  reload(): Promise<void> {
    return this.#look(true);
  }

  protected override async onStart(): Promise<void> {
    await this.#provideSelfSigned();
    const found = await this.#readAll();
    const materials: CertificateMaterial[] = [];
    const failures: SluiceError[] = [];
    for (const entry of found) {
      if (entry instanceof SluiceError) failures.push(entry);
      else materials.push(entry);
    }
    throwFailures(failures);
    this.#materials = new Map(materials.map((material) => [material.name, material]));
    for (const material of materials) {
      const names = material.names.join(', ') || 'no name';
      const until = new Date(material.notAfterMs).toISOString();
      this.#say('certificate_loaded', 'info', material.name, `certificate for ${names}, good until ${until}`);
    }
    this.#noticeExpiry();
    await this.#watchFolders();
    this.#ticker = this.#deps.clock.setTicker(this.#options.pollMs ?? 30_000, () => void this.#look(false));
  }

  protected override async onStop(): Promise<void> {
    this.#ticker?.cancel();
    this.#soon?.cancel();
    this.#watch.close();
    await this.#queue;
  }

  /** The first event of a burst decides when; later ones do not put the look off. */
  #lookSoon(delayMs: number, mayBeHalf: boolean): void {
    if (this.#soon !== undefined || !this.isRunning) return;
    this.#soon = this.#deps.clock.setTimer(delayMs, () => {
      this.#soon = undefined;
      void this.#look(!mayBeHalf);
    });
  }

  /** @param isFinal believe what is found; else a bad pair gets a second look before it is complained of. */
  #look(isFinal: boolean): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (!this.isRunning) return;
      try {
        await this.#lookNow(isFinal);
      } catch (error) {
        this.#complain('*', `could not look at the certificates: ${errorText(error)}`);
      }
    });
    return this.#queue;
  }

  async #lookNow(isFinal: boolean): Promise<void> {
    let selfSignedFailure: unknown;
    await this.#provideSelfSigned().catch((error: unknown) => {
      selfSignedFailure = error;
    });
    if (selfSignedFailure !== undefined) {
      this.#complain('*', `self-signed certificates stay as they are: ${errorText(selfSignedFailure)}`);
    } else {
      this.#complaints.delete('*');
    }
    const found = await this.#readAll();
    const isBad = found.some((entry) => entry instanceof SluiceError);
    if (isBad && !isFinal) this.#lookSoon(this.#options.settleMs ?? 1000, false);
    this.#adopt(found, isFinal);
    this.#noticeExpiry();
    await this.#watchFolders();
  }

  #adopt(found: readonly (CertificateMaterial | SluiceError)[], isFinal: boolean): void {
    const next = new Map(this.#materials);
    let isChanged = false;
    for (const [index, [name]] of this.#sources.entries()) {
      const entry = found[index];
      if (entry === undefined) continue;
      if (entry instanceof SluiceError) {
        if (isFinal)
          this.#complain(name, `the certificate in use stays: ${entry.message}. ${entry.hint ?? ''}`);
        continue;
      }
      this.#complaints.delete(name);
      const before = next.get(name);
      if (before?.certPem === entry.certPem && before.keyPem === entry.keyPem) continue;
      next.set(name, entry);
      isChanged = true;
      const until = new Date(entry.notAfterMs).toISOString();
      this.#say('certificate_changed', 'info', name, `new certificate in use, good until ${until}`);
    }
    if (!isChanged || !this.isRunning) return;
    this.#materials = next;
    this.#deps.onChange?.(this.materials());
  }

  #readAll(): Promise<(CertificateMaterial | SluiceError)[]> {
    return Promise.all(
      this.#sources.map(async ([name, source]) => {
        try {
          return await readCertificateFiles(name, this.#filesOf(name, source));
        } catch (error) {
          if (error instanceof SluiceError) return error;
          return new SluiceError('tls_certificate', errorText(error), { cause: error });
        }
      }),
    );
  }

  #filesOf(name: string, source: CertificateSource): { cert: string; key: string } {
    if (source.kind === 'files') return source;
    // Key and certificate together: see local-files.ts.
    const file = keyFileOf(this.#options.directory, name);
    return { cert: file, key: file };
  }

  #selfSigned(): { name: string; names: readonly string[] }[] {
    return this.#sources.flatMap(([name, source]) =>
      source.kind === 'self_signed' ? [{ name, names: source.names }] : [],
    );
  }

  async #provideSelfSigned(): Promise<void> {
    const certificates = this.#selfSigned();
    if (certificates.length === 0) return;
    const { directory } = this.#options;
    const { madeAuthority, made } = await provideLocalCertificates({ directory, certificates }, this.#deps);
    for (const name of made) {
      this.#say('certificate_made', 'info', name, `made ${keyFileOf(directory, name)}`);
    }
    if (madeAuthority) {
      const file = authorityFileOf(directory);
      this.#say('authority_made', 'info', 'local-ca', `made ${file}\n${trustInstructions(file)}`);
    }
  }

  #noticeExpiry(): void {
    const now = this.#deps.clock.wallMs();
    for (const material of this.#materials.values()) {
      const notice = expiryNotice(material, now);
      if (this.#expirySaid.get(material.name) === notice?.key) continue;
      if (notice === undefined) {
        this.#expirySaid.delete(material.name);
        continue;
      }
      this.#expirySaid.set(material.name, notice.key);
      this.#say(notice.type, notice.level, material.name, notice.message);
    }
  }

  /** The folders of the files as named and, where links lead elsewhere, of the files themselves. */
  async #watchFolders(): Promise<void> {
    const folders = new Set<string>();
    for (const [name, source] of this.#sources) {
      const { cert, key } = this.#filesOf(name, source);
      for (const file of [cert, key]) {
        folders.add(dirname(file));
        folders.add(dirname(await realpath(file).catch(() => file)));
      }
    }
    if (this.isRunning) this.#watch.set(folders);
  }

  #complain(name: string, message: string): void {
    if (this.#complaints.get(name) === message) return;
    this.#complaints.set(name, message);
    this.#say('certificate_kept', 'error', name, message.trim());
  }

  #say(type: TlsEvent['type'], level: TlsEvent['level'], name: string, message: string): void {
    this.#deps.onEvent?.({ type, level, name, message });
  }
}

function throwFailures(failures: readonly SluiceError[]): void {
  const first = failures[0];
  if (first === undefined) return;
  if (failures.length === 1) throw first;
  throw new SluiceError('tls_certificates', failures.map((failure) => failure.message).join('; '), {
    cause: new AggregateError(failures),
    hint: failures.map((failure) => failure.hint ?? '').join(' '),
  });
}
