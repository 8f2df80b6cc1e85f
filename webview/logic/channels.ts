/** A channel with its place after sorting. */
export interface Channel {
  channel: number;
  min: number;
  max: number;
  /** Far outside what its neighbours need: a per-tensor range would be made for it alone. */
  outlier: boolean;
}

/**
 * Channels by their largest magnitude, the outliers marked: those above the third quartile by more than
 * one and a half interquartile ranges on a log scale, and at least three times the median (Tukey's fence).
 */
export function sortChannels(min: readonly number[], max: readonly number[]): Channel[] {
  const channels = max.map((top, channel) => ({ channel, min: min[channel] ?? 0, max: top }));
  const size = (c: { min: number; max: number }) => Math.max(Math.abs(c.min), Math.abs(c.max));
  channels.sort((a, b) => size(a) - size(b) || a.channel - b.channel);
  const sizes = channels.map(size).filter((value) => value > 0);
  const logs = sizes.map(Math.log);
  const [q1, median, q3] = [0.25, 0.5, 0.75].map(
    (q) => logs[Math.floor(q * (logs.length - 1))],
  ) as [number, number, number];
  const fence = Math.max(q3 + 1.5 * Math.max(q3 - q1, 0.1), median + Math.log(3));
  return channels.map((c) => ({ ...c, outlier: sizes.length > 3 && Math.log(size(c)) > fence }));
}

/** The channels with the worst local error, worst first. */
export function worstChannels(db: readonly number[], most = 3): { channel: number; db: number }[] {
  return db
    .map((value, channel) => ({ channel, db: value }))
    .filter((c) => Number.isFinite(c.db))
    .sort((a, b) => a.db - b.db)
    .slice(0, most);
}
