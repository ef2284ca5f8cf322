/** Ids and secrets that a seed repeats: the order of rows, and with it the course of a run, depends on them. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { seededRandom } from './seeded-random.ts';

/** @returns a function that restores the real ones */
export function withSeededIds(seed: string): () => void {
  const random = seededRandom(seed);
  const { randomUUID, randomBytes } = crypto;
  const bytes = (size: number) => Buffer.from(Array.from({ length: size }, () => random.integer(0, 255)));
  const uuid = () => {
    const hex = bytes(16).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  };
  Object.assign(crypto, { randomUUID: uuid, randomBytes: bytes });
  syncBuiltinESMExports();
  return () => {
    Object.assign(crypto, { randomUUID, randomBytes });
    syncBuiltinESMExports();
  };
}
