/** Axes for the charts. Pure. */

/** Round numbers that cover a range, about `count` of them. */
export function ticks(low: number, high: number, count = 4): number[] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    return [];
  }
  if (low === high) {
    const pad = Math.abs(low) || 1;
    return ticks(low - pad / 2, high + pad / 2, count);
  }
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(f => f * power).find(s => s >= raw) ?? 10 * power;
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step);
  const found: number[] = [];
  for (let i = first; i <= last; i++) {
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

/** The place of the point nearest to `x` in points sorted by x. */
export function nearest(points: readonly { x: number }[], x: number): number {
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].x < x) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low > 0 && x - points[low - 1].x < points[low].x - x ? low - 1 : low;
}

/** At most `limit` points, keeping the lowest and highest of each stretch. */
export function thin<T extends { x: number; y: number }>(points: readonly T[], limit: number): T[] {
  if (points.length <= limit) {
    return [...points];
  }
  const size = points.length / Math.max(1, limit / 2);
  const kept: T[] = [];
  for (let start = 0; start < points.length; start += size) {
    const part = points.slice(Math.floor(start), Math.floor(start + size));
    if (part.length === 0) {
      continue;
    }
    const low = part.reduce((a, b) => (b.y < a.y ? b : a));
    const high = part.reduce((a, b) => (b.y > a.y ? b : a));
    kept.push(...(low === high ? [low] : low.x < high.x ? [low, high] : [high, low]));
  }
  return kept;
}
