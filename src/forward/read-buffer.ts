/**
 * What a connection to a server reads into, again and again.
 *
 *   | headroom 4 KiB | read buffer 64 KiB |      the head of the answer to the client is written into the bytes
 *                                               before the body, so that both leave in one piece
 */
export const HEADROOM_BYTES = 4096;
const READ_BYTES = 64 * 1024;

export function makeReadBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(HEADROOM_BYTES + READ_BYTES);
}
