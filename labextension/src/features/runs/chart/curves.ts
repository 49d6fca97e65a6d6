/** What is done to curves before they are drawn. Pure. */

/** One curve; x ascends. */
export interface ICurve {
  x: readonly number[];
  y: readonly number[];
}

export type Direction = 'max' | 'min';

/** How many points a whole curve has by which weights of smoothing are meant. */
const NOMINAL = 1000;

/**
 * Exponential moving average, without the pull to zero at its beginning.
 *
 * The weight is of one point of a short curve, and of 1/1000 of `span` in a long one: so a curve of
 * which the server sent fewer points, or a part in more detail, is as smooth as the whole one.
 */
export function smooth(curve: ICurve, weight: number, span: number): number[] {
  const { x, y } = curve;
  if (weight <= 0 || y.length < 2) {
    return [...y];
  }
  const kept = Math.min(weight, 0.9999);
  const unit = span > 0 ? span / Math.min(NOMINAL, y.length - 1) : 1;
  let sum = 0;
  let mass = 0;
  return y.map((value, at) => {
    if (!Number.isFinite(value)) {
      return value;
    }
    const fade = at === 0 ? 0 : kept ** Math.max(0, (x[at] - x[at - 1]) / unit);
    // A point brings what is missing of 1, so points close to one another share one's weight.
    const share = at === 0 ? 1 - kept : 1 - fade;
    sum = sum * fade + value * share;
    mass = mass * fade + share;
    return mass > 0 ? sum / mass : value;
  });
}

/** The best value so far at each point. */
export function bestSoFar(y: readonly number[], direction: Direction): number[] {
  let best = NaN;
  return y.map(value => {
    if (Number.isFinite(value) && !(direction === 'max' ? value <= best : value >= best)) {
      best = value;
    }
    return best;
  });
}

/** Which way a metric of this name is better, as far as its name says. */
export function better(metric: string): Direction {
  return /loss|err|mse|mae|rmse|mape|perplexity|nll|time|duration|latency|bytes/i.test(metric)
    ? 'min'
    : 'max';
}

/** The value at `at`, on the line between the points beside it; NaN beyond the ends. */
export function valueAt(curve: ICurve, at: number): number {
  const { x, y } = curve;
  const next = lowerBound(x, at);
  if (next === x.length) {
    return NaN;
  }
  if (x[next] === at) {
    return y[next];
  }
  if (next === 0) {
    return NaN;
  }
  const share = (at - x[next - 1]) / (x[next] - x[next - 1]);
  return y[next - 1] + share * (y[next] - y[next - 1]);
}

/** The place of the first x that is not below `at`. */
export function lowerBound(x: readonly number[], at: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] < at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The place of the point nearest to `at`; -1 when there is none. */
export function nearestTo(x: readonly number[], at: number): number {
  const next = lowerBound(x, at);
  if (next === x.length) {
    return x.length - 1;
  }
  return next > 0 && at - x[next - 1] < x[next] - at ? next - 1 : next;
}

export interface IBand extends ICurve {
  low: number[];
  high: number[];
}

/** The mean of curves, with the lowest and highest of them, where at least one is known. */
export function band(curves: readonly ICurve[], points = NOMINAL): IBand {
  const all = [...new Set(curves.flatMap(curve => curve.x))].sort((a, b) => a - b);
  const step = Math.max(1, all.length / points);
  const made: IBand & { x: number[]; y: number[] } = { x: [], y: [], low: [], high: [] };
  for (let at = 0; at < all.length; at += step) {
    const x = all[Math.floor(at)];
    const values = curves.map(curve => valueAt(curve, x)).filter(Number.isFinite);
    if (values.length > 0) {
      made.x.push(x);
      made.y.push(values.reduce((a, b) => a + b, 0) / values.length);
      made.low.push(Math.min(...values));
      made.high.push(Math.max(...values));
    }
  }
  return made;
}

const SEED = /(^|[._-])(seed|random_state|random_seed|rng)$/i;

/** Whether a parameter of this name is a seed. */
export function isSeed(name: string): boolean {
  return SEED.test(name);
}

export interface IGroup {
  /** What its runs have in common and others have not. */
  label: string;
  ids: string[];
}

/** Runs that differ in nothing but their seeds, together. */
export function bySeed(
  runs: readonly { id: string; params: Readonly<Record<string, string>> }[]
): IGroup[] {
  const names = [...new Set(runs.flatMap(run => Object.keys(run.params)))]
    .filter(name => !isSeed(name))
    .sort();
  const differing = names.filter(name => new Set(runs.map(run => run.params[name])).size > 1);
  const groups = new Map<string, IGroup>();
  for (const run of runs) {
    const label = differing.map(name => `${name}=${run.params[name] ?? '–'}`).join(' ');
    const group = groups.get(label) ?? { label, ids: [] };
    group.ids.push(run.id);
    groups.set(label, group);
  }
  return [...groups.values()];
}

/** What a chart says in words: how a curve ends, and between what it lies. */
export function summary(y: readonly number[]): { last: number; min: number; max: number } {
  const known = y.filter(Number.isFinite);
  return {
    last: known.at(-1) ?? NaN,
    min: known.length ? known.reduce((a, b) => Math.min(a, b)) : NaN,
    max: known.length ? known.reduce((a, b) => Math.max(a, b)) : NaN
  };
}

/** The range of what is drawn, with some room; on a logarithmic axis of what is above zero. */
export function extent(curves: readonly ICurve[], of: 'x' | 'y', log: boolean): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const curve of curves) {
    for (const value of curve[of]) {
      if (Number.isFinite(value) && (!log || value > 0)) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
  }
  if (low > high) {
    return log ? [0.1, 1] : [0, 1];
  }
  if (low === high) {
    return log
      ? [low / 2, high * 2]
      : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  }
  if (of === 'x') {
    return [low, high];
  }
  if (log) {
    const room = (high / low) ** 0.05;
    return [low / room, high * room];
  }
  const room = (high - low) * 0.05;
  return [low - room, high + room];
}

/** A part of a range, moved by a share of its width; on a logarithmic axis by a factor. */
export function moved(
  range: readonly [number, number],
  share: number,
  log: boolean
): [number, number] {
  return zoomed(range, share, 1 + share, log);
}

/** The part of a range between two shares of it. */
export function zoomed(
  range: readonly [number, number],
  from: number,
  to: number,
  log: boolean
): [number, number] {
  const [low, high] = log ? range.map(Math.log10) : range;
  const at = (share: number) => low + share * (high - low);
  return log ? [10 ** at(from), 10 ** at(to)] : [at(from), at(to)];
}
