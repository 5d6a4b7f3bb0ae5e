/**
 * Everything that a configuration needs before it can be put in force, made in one go and undone in one go:
 * certificates, authorities, ports. Nothing of it touches what is running.
 */
import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { CertificateConfig, ResolvedConfig } from '../config/index.ts';
import { unixPathOf } from '../kernel/address.ts';
import type { Clock } from '../kernel/clock.ts';
import { SluiceError } from '../kernel/errors.ts';
import {
  type CertificateMaterial,
  type CertificateSource,
  CertificateStore,
  checkAuthorities,
  type OnTlsEvent,
} from '../tls/index.ts';
import { claimPort, claimSocket } from './ports.ts';

/** Where self-signed certificates are kept: `certs` beside the file, or beside the `config` folder it is in. */
export function certificatesFolder(config: ResolvedConfig): string {
  const base = basename(config.baseDir) === 'config' ? resolve(config.baseDir, '..') : config.baseDir;
  return join(base, 'certs');
}

export function openCertificates(
  config: ResolvedConfig,
  directory: string,
  clock: Clock,
  onEvent: OnTlsEvent,
  onChange: (materials: readonly CertificateMaterial[]) => void,
): CertificateStore {
  const certificates = Object.fromEntries(config.certificates.map((it) => [it.name, sourceOf(it)]));
  return new CertificateStore({ certificates, directory }, { clock, onEvent, onChange });
}

function sourceOf(certificate: CertificateConfig): CertificateSource {
  return certificate.type === 'files'
    ? { kind: 'files', cert: certificate.certPath, key: certificate.keyPath }
    : { kind: 'self_signed', names: certificate.names };
}

/** Reads every file of authorities; one that cannot be read is an error, never "trust the usual ones". */
export function readAuthorityFiles(config: ResolvedConfig): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { name, upstream } of config.pools)
    readAuthorities(`pool "${name}"`, upstream.tls?.caPath, texts);
  readAuthorities('shared_limits', config.sharedLimits?.caPath, texts);
  return texts;
}

function readAuthorities(of: string, path: string | undefined, texts: Map<string, string>): void {
  if (path === undefined || texts.has(path)) return;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SluiceError('ca_unreadable', `${of}: cannot read the authorities in ${path}`, { cause });
  }
  checkAuthorities(text, path);
  texts.set(path, text);
}

/**
 * The port of each listener. One that is open already keeps its port (a `0` keeps the number it got); a new one
 * is claimed, so that a taken port is an error here and not shared traffic.
 * @param open the listeners of the snapshot in force, by name
 */
export async function resolvePorts(
  config: ResolvedConfig,
  open: ReadonlyMap<string, { readonly host: string | undefined; readonly port: number }>,
): Promise<Map<string, number>> {
  const ports = new Map<string, number>();
  const held = new Set([...open.values()].map((it) => `${it.host ?? '*'} ${it.port}`));
  for (const listener of config.listeners) {
    const known = open.get(listener.name);
    const isKept =
      known !== undefined &&
      known.host === listener.address &&
      (listener.port === 0 || listener.port === known.port);
    if (isKept) ports.set(listener.name, known.port);
    else if (held.has(`${listener.address ?? '*'} ${listener.port}`)) ports.set(listener.name, listener.port);
    else
      ports.set(listener.name, await claim(`listener "${listener.name}"`, listener.address, listener.port));
  }
  return ports;
}

async function claim(name: string, address: string | undefined, port: number): Promise<number> {
  const path = address === undefined ? undefined : unixPathOf(address);
  if (path === undefined) return claimPort(name, address, port);
  await claimSocket(name, path);
  return 0;
}
