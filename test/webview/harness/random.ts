/** A seeded generator of numbers 0…1 (mulberry32): the same page every time. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A histogram over [0, 6] as ReLU6 leaves it, or a bell where `bell`. */
export function histogram(next: () => number, bins: number, bell: boolean): number[] {
  const decay = 1 + 3 * next();
  const bump = next();
  return Array.from({ length: bins }, (_, i) => {
    const at = i / (bins - 1);
    if (bell)
      return Math.round(2400 * Math.exp(-(((at - 0.36) / 0.11) ** 2)) * (0.9 + 0.2 * next()));
    if (i === 0) return Math.round(3e5 * (0.4 + next()));
    if (i === bins - 1) return Math.round(5e4 * next());
    const hump = Math.exp(-(((at - bump) / 0.15) ** 2));
    return Math.round((4e4 * Math.exp(-decay * at) + 2e4 * hump) * (0.7 + 0.6 * next()));
  });
}
