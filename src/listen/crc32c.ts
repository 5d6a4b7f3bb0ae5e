/** CRC-32C (Castagnoli; RFC 3720 appendix B.4), which Node does not have: `zlib.crc32` is another polynomial. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value >>> 0;
});

/**
 * The checksum of `bytes`, unsigned.
 * @param zeroAt where four bytes count as zero: the place of the checksum itself; -1 = nowhere
 */
export function crc32c(bytes: Uint8Array, zeroAt = -1): number {
  let value = 0xffff_ffff;
  for (let i = 0; i < bytes.length; i++) {
    const isZeroed = zeroAt >= 0 && i >= zeroAt && i < zeroAt + 4;
    const byte = isZeroed ? 0 : (bytes[i] as number);
    value = (TABLE[(value ^ byte) & 0xff] as number) ^ (value >>> 8);
  }
  return (value ^ 0xffff_ffff) >>> 0;
}
