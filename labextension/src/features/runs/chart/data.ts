import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import { ApiError } from '../../../api/client';
import type { RunsApi } from '../api';
import type { Curve } from '../types';
import type { ICurve } from './curves';
import { lowerBound } from './curves';

/** The x axis of curves. */
export type Axis = 'step' | 'time' | 'epoch';

/** How many points the server sends for all curves of a chart together. */
const ALL_POINTS = 50_000;
/** A curve may grow by its newest points to this many times what was sent, then it is sent anew. */
const GROWN = 2;

const key = (run: string, metric: string) => `${run}/${metric}`;

/** Curves as the server thinned them: all, a part of them in more detail, and what is new. */
export class CurveData {
  constructor(
    private _api: RunsApi,
    readonly runs: readonly string[],
    readonly metrics: readonly string[],
    readonly axis: Axis
  ) {
    const each = ALL_POINTS / Math.max(1, runs.length * metrics.length);
    this._points = Math.round(Math.max(200, Math.min(2000, each)));
  }

  /** Emitted whenever there is something else to draw. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get error(): ApiError | null {
    return this._error;
  }

  get loaded(): boolean {
    return this._loaded;
  }

  get(run: string, metric: string): ICurve | null {
    const all = this._all.get(key(run, metric));
    if (!all || all.x.length === 0) {
      return null;
    }
    const part = this._part.get(key(run, metric));
    return part && this._window ? joined(all, part, this._window) : all;
  }

  /** Read all of each curve. */
  load = async (): Promise<void> => {
    await this._read({}, series => {
      this._all = new Map(series.map(each => [key(each.run_id, each.metric), known(each)]));
      this._loaded = true;
    });
  };

  /** Read what came behind the ends of the curves. */
  tail = async (): Promise<void> => {
    const curves = [...this._all.values()];
    const ends = curves.map(each => each.x.at(-1) ?? 0);
    const most = Math.max(0, ...curves.map(each => each.x.length));
    const missing = curves.length < this.runs.length * this.metrics.length;
    if (missing || most > GROWN * this._points || curves.some(each => each.x.length === 0)) {
      return this.load();
    }
    const from = Math.min(...ends);
    await this._read({ from }, series => {
      for (const each of series) {
        const old = this._all.get(key(each.run_id, each.metric));
        const part = known(each);
        if (old && part.x.length) {
          this._all.set(key(each.run_id, each.metric), joined(old, part, [from, Infinity]));
        }
      }
    });
  };

  /** Read a part of the x axis, and as much on either side of it, in more detail. */
  look = async (range: readonly [number, number] | null): Promise<void> => {
    this._asked = range;
    if (!range) {
      this._window = null;
      this._part.clear();
      this._changed.emit();
      return;
    }
    const room = range[1] - range[0];
    const window: [number, number] = [range[0] - room, range[1] + room];
    await this._read({ from: window[0], to: window[1] }, series => {
      // What was asked for since is on its way.
      if (this._asked === range) {
        this._window = window;
        this._part = new Map(series.map(each => [key(each.run_id, each.metric), known(each)]));
      }
    });
  };

  private async _read(
    window: { from?: number; to?: number },
    take: (series: readonly Curve[]) => void
  ): Promise<void> {
    if (this.runs.length === 0 || this.metrics.length === 0) {
      this._loaded = true;
      this._changed.emit();
      return;
    }
    try {
      const x = this.axis === 'epoch' ? 'metrics.epoch' : this.axis;
      const { runs: run, metrics: metric, _points: points } = this;
      take((await this._api.curves({ run, metric, points, x, ...window })).series);
      this._error = null;
    } catch (reason) {
      this._error = ApiError.from(reason);
    }
    this._changed.emit();
  }

  private _points: number;
  private _all = new Map<string, ICurve>();
  private _part = new Map<string, ICurve>();
  private _window: [number, number] | null = null;
  private _asked: readonly [number, number] | null = null;
  private _error: ApiError | null = null;
  private _loaded = false;
  private _changed = new Signal<this, void>(this);
}

function known(curve: Curve): ICurve {
  return { x: curve.x, y: curve.y.map(value => value ?? NaN) };
}

/** A curve with a window of it as another one has it. */
export function joined(all: ICurve, part: ICurve, window: readonly [number, number]): ICurve {
  const before = lowerBound(all.x, window[0]);
  let behind = lowerBound(all.x, window[1]);
  if (all.x[behind] === window[1]) {
    behind += 1;
  }
  return {
    x: [...all.x.slice(0, before), ...part.x, ...all.x.slice(behind)],
    y: [...all.y.slice(0, before), ...part.y, ...all.y.slice(behind)]
  };
}
