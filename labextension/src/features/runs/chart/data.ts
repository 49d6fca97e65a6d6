import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { ApiError } from '../../../api/client';
import type { Follower } from '../../../api/follower';
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
    if (!this._loaded || this._busy) {
      return;
    }
    this._busy = true;
    try {
      await this._tail();
    } finally {
      this._busy = false;
    }
  };

  private async _tail(): Promise<void> {
    const begun = [...this._all.values()].filter(each => each.x.length > 0);
    const most = Math.max(0, ...begun.map(each => each.x.length));
    if (begun.length === 0 || most > GROWN * this._points) {
      return this.load();
    }
    const from = Math.min(...begun.map(each => each.x[each.x.length - 1]));
    let more = false;
    await this._read({ from }, series => {
      for (const each of series) {
        const name = key(each.run_id, each.metric);
        const old = this._all.get(name);
        const part = known(each);
        if (old?.x.length && part.x.length) {
          this._all.set(name, joined(old, part, [from, Infinity]));
        } else {
          more ||= part.x.length > 0;
        }
      }
    });
    if (more) {
      await this.load(); // A curve has begun, maybe before the others' ends.
    }
  }

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
  private _busy = false;
  private _changed = new Signal<this, void>(this);
}

/** Read curves, and what is new of them whenever their runs have changed. */
export function useLive(data: CurveData, model: Follower): void {
  React.useEffect(() => {
    void data.load();
    const owner = {};
    model.changed.connect(() => void data.tail(), owner);
    return () => Signal.disconnectReceiver(owner);
  }, [data, model]);
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
