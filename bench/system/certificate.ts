import { join } from 'node:path';
import { SluiceError } from '../../src/kernel/errors.ts';
import { runToEnd } from './process.ts';

export interface Certificate {
  readonly certPath: string;
  readonly keyPath: string;
}

/** A self-signed P-256 certificate for 127.0.0.1 and localhost, good for 90 days; the same one for every subject. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const certPath = join(folder, 'bench.crt');
  const keyPath = join(folder, 'bench.key');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyPath];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = await runToEnd('openssl', ['req', '-x509', '-days', '90', ...key, '-out', certPath, ...names]);
  if (made.exitCode !== 0) {
    throw new SluiceError('bench_certificate', `openssl made no certificate: ${made.stderr.trim()}`);
  }
  return { certPath, keyPath };
}
