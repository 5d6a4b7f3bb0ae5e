/** `sluice cert make NAME…`: a certificate for development, signed by the local authority. */
import { relative, resolve } from 'node:path';
import { makeCertificate, trustInstructions } from '../tls/index.ts';
import { type Context, EXIT, type ExitCode } from './context.ts';
import { painter } from './paint.ts';

export interface CertMakeOptions {
  /** Folder of the certificate and of the authority. */
  readonly out: string;
  readonly json?: boolean | undefined;
}

export async function certMake(
  names: readonly string[],
  options: CertMakeOptions,
  context: Context,
): Promise<ExitCode> {
  const directory = resolve(context.cwd, options.out);
  const made = await makeCertificate({ names, directory }, context);
  const { certFile, keyFile, authorityFile, isNew, isNewAuthority, material } = made;
  const expires = new Date(material.notAfterMs).toISOString().slice(0, 10);
  if (options.json === true) {
    const facts = { certFile, keyFile, authorityFile, isNew, isNewAuthority, names: material.names, expires };
    context.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
    return EXIT.ok;
  }
  const paint = painter(context.stdout);
  const shown = (path: string): string => {
    const near = relative(context.cwd, path);
    return near.startsWith('..') ? path : near;
  };
  const state = isNew ? 'Made' : 'There already, and good:';
  context.stdout.write(
    `${paint.bold(`${state} a certificate for ${material.names.join(', ')}`)}, valid until ${expires}.

  certificate  ${shown(certFile)}
  key          ${shown(keyFile)}
  authority    ${shown(authorityFile)}${isNewAuthority ? '  (new: it has to be trusted once)' : ''}

In the configuration:

  certificates:
    ${material.name.replace(/[^A-Za-z0-9_-]/g, '-')}: { cert: ${shown(certFile)}, key: ${shown(keyFile)} }

${trustInstructions(authorityFile)}`,
  );
  return EXIT.ok;
}
