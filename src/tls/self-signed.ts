/**
 * Development certificates, seen from the main thread: it only looks whether all is there and good, which
 * takes a few milliseconds; when something is missing a worker makes it.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../kernel/clock.ts';
import { errorText, SluiceError } from '../kernel/errors.ts';
import {
  AUTHORITY_NAME,
  certFileOf,
  checkRequest,
  isAllThere,
  keyFileOf,
  type LocalCertificate,
  type LocalRequest,
} from './local-files.ts';
import type { LocalResult } from './local-maker.ts';
import { readCertificateFiles } from './pem-file.ts';
import type { CertificateMaterial } from './types.ts';

export type LocalReply =
  | { readonly ok: true; readonly result: LocalResult }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly hint: string | undefined;
    };

export interface LocalOptions {
  /** Folder of the certificates. */
  readonly directory: string;
  /** Folder of the authority, when it is another one. */
  readonly authorityDirectory?: string | undefined;
  readonly certificates: readonly LocalCertificate[];
}

/** Path of the certificate to trust. */
export function authorityFileOf(directory: string): string {
  return certFileOf(directory, AUTHORITY_NAME);
}

/**
 * Makes what is missing, outworn (less than 30 days left), for other names, or signed by another authority.
 * Safe to be called by several processes at once.
 */
export async function provideLocalCertificates(
  options: LocalOptions,
  deps: { readonly clock: Clock },
): Promise<LocalResult> {
  const request = checkRequest({
    directory: options.directory,
    authorityDirectory: options.authorityDirectory ?? options.directory,
    certificates: options.certificates,
    wallMs: deps.clock.wallMs(),
  });
  if (await isAllThere(request)) return { madeAuthority: false, made: [] };
  return runWorker(request);
}

function runWorker(request: LocalRequest): Promise<LocalResult> {
  return new Promise((resolve, reject) => {
    // Compiled to JavaScript, the worker's file ends like this one.
    const entry = new URL(`./local-worker${extname(import.meta.url)}`, import.meta.url);
    // Flags of the main thread are none of its business, and some of them would keep it from starting.
    const worker = new Worker(entry, { workerData: request, name: 'certificates', execArgv: [] });
    worker.once('message', (reply: LocalReply) => {
      if (reply.ok) resolve(reply.result);
      else reject(new SluiceError(reply.code, reply.message, reply.hint ? { hint: reply.hint } : {}));
    });
    worker.once('error', (error) => {
      reject(
        new SluiceError('tls_local_ca', `cannot make a certificate: ${errorText(error)}`, { cause: error }),
      );
    });
    // After a message this changes nothing any more.
    worker.once('exit', (code) => {
      reject(new SluiceError('tls_local_ca', `the certificate worker ended early (exit code ${code})`));
    });
  });
}

export interface MadeCertificate {
  readonly certFile: string;
  /** Holds the key and the certificate; servers that take two files take this one as the key. */
  readonly keyFile: string;
  readonly authorityFile: string;
  /** False when a good one for the same names was there already. */
  readonly isNew: boolean;
  /** True when the authority is new too and has to be trusted (again). */
  readonly isNewAuthority: boolean;
  readonly material: CertificateMaterial;
}

/** What `sluice cert make NAME… [--out DIR]` does. */
export async function makeCertificate(
  options: {
    readonly names: readonly string[];
    readonly directory: string;
    readonly authorityDirectory?: string | undefined;
    /** Name of the files; made of the first name when it is not given. */
    readonly name?: string | undefined;
  },
  deps: { readonly clock: Clock },
): Promise<MadeCertificate> {
  const { directory, names } = options;
  const name = options.name ?? fileNameFor(names[0] ?? '');
  const result = await provideLocalCertificates(
    { directory, authorityDirectory: options.authorityDirectory, certificates: [{ name, names }] },
    deps,
  );
  const keyFile = keyFileOf(directory, name);
  return {
    certFile: certFileOf(directory, name),
    keyFile,
    authorityFile: authorityFileOf(options.authorityDirectory ?? directory),
    isNew: result.made.includes(name),
    isNewAuthority: result.madeAuthority,
    material: await readCertificateFiles(name, { cert: keyFile, key: keyFile }),
  };
}

/** `*.shop.test` becomes `_wildcard.shop.test`, `::1` becomes `__1`. */
function fileNameFor(host: string): string {
  const plain = host
    .toLowerCase()
    .replace(/^\*/, '_wildcard')
    .replace(/[^a-z0-9._-]/g, '_');
  return (/^[._-]/.test(plain) && !plain.startsWith('_') ? `_${plain}` : plain).slice(0, 64);
}
