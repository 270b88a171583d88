/** Which partition a player belongs to: CRC-32 of the id's UTF-8, modulo P. Pure. */

/** The name of the hash, as Welcome tells it. */
export const HASH_NAME = "crc32";

/** CRC-32 as in zlib and PNG (ISO 3309): polynomial 0xedb88320, reflected. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) {
    crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return crc;
});

const toUtf8 = new TextEncoder();

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * Return the partition of a player, 0 <= partition < partitions.
 *
 * @param partitions P, as Welcome tells it.
 */
export function partitionOf(player: string, partitions: number): number {
  return crc32(toUtf8.encode(player)) % partitions;
}
