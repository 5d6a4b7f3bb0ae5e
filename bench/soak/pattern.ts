/** Bytes that are known on both sides, so that a mixed-up answer is noticed: no two neighbouring KiB are alike. */
export function patternBytes(count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  for (let at = 0; at < count; at++) bytes[at] = (at ^ (at >> 8) ^ (at >> 16)) & 0xff;
  return bytes;
}
