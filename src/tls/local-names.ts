/**
 * Which names a development certificate may carry, and which its authority is allowed to sign. Pure.
 *
 * The local authority gets name constraints (RFC 5280 section 4.2.1.10): who trusts it trusts it for
 * development names, private addresses and the names that were asked for, and for nothing else, should its
 * key ever leak. The price is that a new public name needs a new authority, which must be trusted again.
 */
import { BlockList, isIP, isIPv4 } from 'node:net';
import { domainToASCII } from 'node:url';
import { SluiceError } from '../kernel/errors.ts';
import { normalizeName } from './server-name.ts';

/** What the authority may sign: DNS names with all below them, and networks in CIDR form. */
export interface PermittedNames {
  readonly dns: readonly string[];
  readonly networks: readonly string[];
}

/** Names that exist on no public server (RFC 2606, 6761, 6762, 8375, 9476-like use) and private addresses. */
const ALWAYS_PERMITTED: PermittedNames = {
  dns: ['localhost', 'test', 'example', 'local', 'internal', 'home.arpa', 'lan', 'localdomain'],
  networks: [
    '127.0.0.0/8',
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '169.254.0.0/16',
    '::1/128',
    'fc00::/7',
    'fe80::/10',
  ],
};

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/**
 * The names of a self-signed certificate in the form in which they stand in it. `localhost` brings the
 * loopback addresses along, since `https://127.0.0.1` is the next thing that is tried.
 * @throws SluiceError on a name that no certificate can carry.
 */
export function certifiableNames(names: readonly string[]): string[] {
  const result = new Set(names.map(certifiableName));
  if (result.size === 0) {
    throw new SluiceError('tls_self_signed_name', 'self_signed has no name', {
      hint: 'Write for example self_signed: [localhost].',
    });
  }
  if (result.has('localhost')) result.add('127.0.0.1').add('::1');
  return [...result];
}

function certifiableName(given: string): string {
  const name = normalizeName(given);
  if (isIP(name) !== 0) return name;
  const isWildcard = name.startsWith('*.');
  // domainToASCII reads a host out of a URL and would cut `a/b` down to `a`.
  const host = /[\s/?#@:\\%]/.test(name) ? '' : domainToASCII(isWildcard ? name.slice(2) : name);
  const labels = host.split('.');
  const isGood = host.length > 0 && host.length <= 253 && labels.every((label) => LABEL.test(label));
  if (isGood && isIP(host) === 0) return isWildcard ? `*.${host}` : host;
  throw new SluiceError('tls_self_signed_name', `"${given}" is neither a host name nor an IP address`, {
    hint: 'Use names like localhost, shop.example.com, *.shop.test, or addresses like 192.168.1.5.',
  });
}

/** True when the authority may sign the name. */
export function isPermitted(permitted: PermittedNames, name: string): boolean {
  if (isIP(name) !== 0) {
    const networks = new BlockList();
    for (const network of permitted.networks) addNetwork(networks, network);
    return networks.check(name, isIPv4(name) ? 'ipv4' : 'ipv6');
  }
  const host = name.startsWith('*.') ? name.slice(2) : name;
  return permitted.dns.some((base) => host === base || host.endsWith(`.${base}`));
}

function addNetwork(list: BlockList, network: string): void {
  const [address = '', bits = ''] = network.split('/');
  list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** What a new authority may sign: the names that are always fine, what the one before might, and these. */
export function permittedWith(before: PermittedNames | undefined, names: readonly string[]): PermittedNames {
  const dns = new Set([...ALWAYS_PERMITTED.dns, ...(before?.dns ?? [])]);
  const networks = new Set([...ALWAYS_PERMITTED.networks, ...(before?.networks ?? [])]);
  for (const name of names) {
    if (isPermitted({ dns: [...dns], networks: [...networks] }, name)) continue;
    if (isIP(name) !== 0) networks.add(`${name}/${isIPv4(name) ? 32 : 128}`);
    else dns.add(name.startsWith('*.') ? name.slice(2) : name);
  }
  return { dns: [...dns], networks: [...networks] };
}
