/** 32-bit finaliser of MurmurHash3 (public domain, Austin Appleby): every input bit moves every output bit. */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** FNV-1a over the UTF-16 code units, finalised. Spreads; keeps no secret. The same on every machine. */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix32(h);
}

/** The key of a client for ip_hash; IPv4-mapped addresses must be unmapped before. Worth keeping per connection. */
export function clientKey(ip: string): number {
  return hashText(ip);
}
