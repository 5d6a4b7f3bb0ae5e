import { isIP, isIPv6 } from 'node:net';

/**
 * A host name or IP address as this folder compares them: lower case, without the root dot or brackets; an
 * IPv6 address in its one canonical spelling (RFC 5952) and without a zone, which no certificate can carry.
 */
export function normalizeName(name: string): string {
  let text = name.toLowerCase();
  if (text.startsWith('[') && text.endsWith(']')) text = text.slice(1, -1);
  if (text.includes(':') && isIPv6(text)) {
    return new URL(`http://[${text.split('%')[0]}]/`).hostname.slice(1, -1);
  }
  return text.endsWith('.') ? text.slice(0, -1) : text;
}

/**
 * Which entry answers to which server name (SNI, RFC 6066 section 3): an exact name before a wildcard; of
 * two that claim the same name the one listed first. A wildcard stands for exactly one whole label
 * (RFC 9525 section 6.3); `f*.example.com` and `*` alone claim nothing. Built once, then only read.
 */
export class ServerNameTable<Entry> {
  readonly #exact = new Map<string, Entry>();
  /** Keyed by what follows `*.`. */
  readonly #wildcard = new Map<string, Entry>();

  add(names: readonly string[], entry: Entry): void {
    for (const raw of names) {
      const name = normalizeName(raw);
      const isWildcard = name.startsWith('*.');
      const key = isWildcard ? name.slice(2) : name;
      if (key === '' || key.includes('*')) continue;
      const table = isWildcard ? this.#wildcard : this.#exact;
      if (!table.has(key)) table.set(key, entry);
    }
  }

  find(serverName: string): Entry | undefined {
    const name = normalizeName(serverName);
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf('.');
    if (dot <= 0 || isIP(name) !== 0) return undefined;
    return this.#wildcard.get(name.slice(dot + 1));
  }

  /** All names claimed, sorted; equal lists mean equal choices of names. */
  claimed(): string[] {
    return [...this.#exact.keys(), ...[...this.#wildcard.keys()].map((suffix) => `*.${suffix}`)].sort();
  }
}
