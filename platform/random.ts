/** Pseudo-random numbers that follow from a seed, so that a run, a pool of requests or a resampling can be repeated. */

/** Numbers from 0 up to 1, the same for the same seed: xorshift (Marsaglia 2003), 32 bits. */
export function seededRandom(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
