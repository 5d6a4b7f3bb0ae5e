import { open } from 'node:fs/promises';
import { errorCode, errorText, SluiceError } from '../kernel/errors.ts';
import { readPair } from './pem.ts';
import type { CertificateMaterial } from './types.ts';
import { checkAuthorities } from './upstream.ts';

/** Public authority bundles have about 250 KiB; more than this is a wrong path. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** @throws SluiceError that names the file and what to do. */
export async function readTextFile(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes, more than any certificate or key`);
      return await file.readFile('latin1');
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new SluiceError('tls_cannot_read', `cannot read ${path}: ${errorText(error)}`, {
      cause: error,
      hint: hintFor(errorCode(error)),
    });
  }
}

function hintFor(code: string): string {
  if (code === 'ENOENT') {
    return 'There is no such file. Paths are relative to the folder of the configuration file.';
  }
  if (code === 'EACCES' || code === 'EPERM') return 'Give the user that Sluice runs as the right to read it.';
  return 'It must be a file that Sluice may read.';
}

/** Reads and checks a certificate and its key; does not look at dates. For the store and for `sluice check`. */
export async function readCertificateFiles(
  name: string,
  files: { readonly cert: string; readonly key: string },
): Promise<CertificateMaterial> {
  const [certPem, keyPem] = await Promise.all([readTextFile(files.cert), readTextFile(files.key)]);
  return readPair(name, { certPem, keyPem, certFile: files.cert, keyFile: files.key });
}

/** The authorities to trust for TLS to servers, checked. @throws SluiceError; never an empty trust. */
export async function readAuthorities(path: string): Promise<string> {
  const pem = await readTextFile(path);
  checkAuthorities(pem, path);
  return pem;
}
