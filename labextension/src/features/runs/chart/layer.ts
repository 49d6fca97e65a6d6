import { lowerBound } from './curves';

/** A curve as it is drawn. */
export interface IDrawn {
  id: string;
  label: string;
  colour: string;
  dash: readonly number[];
  x: readonly number[];
  y: readonly number[];
  /** Behind a smoothed curve: what it was made of. */
  raw?: readonly number[];
  /** Around a mean: the lowest and highest. */
  low?: readonly number[];
  high?: readonly number[];
}

/** Where values lie on a canvas, in its own pixels. */
export interface IFrame {
  x: readonly [number, number];
  y: readonly [number, number];
  xLog: boolean;
  yLog: boolean;
  width: number;
  height: number;
  /** Pixels of the canvas for one of the page. */
  ratio: number;
}

/** How a curve stands among the others. */
export interface ILook {
  /** Another one is looked at. */
  faded: boolean;
  /** This one is looked at. */
  strong: boolean;
  /** It is one of so many points that thin lines are all that can be drawn in time. */
  dense: boolean;
}

/**
 * With more points than this lines are one pixel wide and not broken. Chromium draws those many
 * times faster than wider ones: 50 curves of 1,000 points in 25 ms, and else in 370.
 */
export const DENSE = 12_000;

export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** A function from values to pixels. */
function place(range: readonly [number, number], log: boolean, size: number, flip: boolean) {
  const [low, high] = log ? [Math.log10(range[0]), Math.log10(range[1])] : range;
  const scale = size / (high - low || 1);
  return (value: number): number => {
    const at = ((log ? Math.log10(value) : value) - low) * scale;
    return flip ? size - at : at;
  };
}

/** Draw one curve into a frame; `faded` when another one is looked at. */
export function draw(context: Context, curve: IDrawn, frame: IFrame, look: ILook): void {
  const px = place(frame.x, frame.xLog, frame.width, false);
  const py = place(frame.y, frame.yLog, frame.height, true);
  const from = Math.max(0, lowerBound(curve.x, frame.x[0]) - 1);
  const to = Math.min(curve.x.length, lowerBound(curve.x, frame.x[1]) + 2);
  const thin = look.dense && !look.strong;
  const line = (values: readonly number[], width: number, alpha: number, dash: boolean) => {
    context.globalAlpha = alpha * (look.faded ? 0.15 : 1);
    context.lineWidth = thin ? 1 : width * frame.ratio;
    context.setLineDash(dash && !thin ? curve.dash.map(each => each * frame.ratio) : []);
    context.beginPath();
    trace(context, curve.x, values, from, to, px, py, frame);
    context.stroke();
  };
  context.save();
  context.strokeStyle = context.fillStyle = curve.colour;
  context.lineJoin = 'bevel';
  if (curve.low && curve.high && to - from > 1) {
    context.globalAlpha = look.faded ? 0.04 : 0.18;
    context.beginPath();
    trace(context, curve.x, curve.high, from, to, px, py, frame);
    for (let at = to - 1; at >= from; at--) {
      context.lineTo(px(curve.x[at]), py(curve.low[at]));
    }
    context.closePath();
    context.fill();
  }
  if (curve.raw) {
    line(curve.raw, 1, 0.25, false);
  }
  line(curve.y, look.strong ? 2.5 : 1.5, 1, true);
  if (to - from <= 2 && curve.x.length === 1) {
    context.globalAlpha = look.faded ? 0.15 : 1;
    context.beginPath();
    context.arc(px(curve.x[0]), py(curve.y[0]), 3 * frame.ratio, 0, 2 * Math.PI);
    context.fill();
  }
  context.restore();
}

/** Lay a path through points; what cannot be drawn leaves a gap. */
function trace(
  context: Context,
  x: readonly number[],
  y: readonly number[],
  from: number,
  to: number,
  px: (value: number) => number,
  py: (value: number) => number,
  frame: IFrame
): void {
  let open = false;
  // Of more points than pixels, each column of pixels is drawn from its lowest to its highest.
  let column = NaN;
  let low = 0;
  let high = 0;
  let last = 0;
  for (let at = from; at < to; at++) {
    const value = y[at];
    if (!Number.isFinite(value) || (frame.yLog && value <= 0) || (frame.xLog && x[at] <= 0)) {
      open = false;
      column = NaN;
      continue;
    }
    const left = px(x[at]);
    const top = py(value);
    if (open && Math.round(left) === column) {
      low = Math.max(low, top);
      high = Math.min(high, top);
      last = top;
      const next = at + 1 < to ? Math.round(px(x[at + 1])) : NaN;
      if (next !== column) {
        context.lineTo(left, high);
        context.lineTo(left, low);
        context.lineTo(left, last);
      }
      continue;
    }
    if (open) {
      context.lineTo(left, top);
    } else {
      context.moveTo(left, top);
    }
    open = true;
    column = Math.round(left);
    low = high = last = top;
  }
}

/**
 * Curves drawn on a canvas that is wider than the chart, so that moving it is copying pixels.
 *
 * It is made a few curves at a time while nothing else is to do, and whole when it is needed.
 */
export class Layer {
  constructor(
    private _curves: readonly IDrawn[],
    readonly frame: IFrame,
    private _look: (id: string) => ILook
  ) {
    this.canvas = document.createElement('canvas');
    this.canvas.width = Math.ceil(frame.width);
    this.canvas.height = Math.ceil(frame.height);
    this._context = this.canvas.getContext('2d')!;
  }

  readonly canvas: HTMLCanvasElement;

  get done(): boolean {
    return this._next >= this._curves.length;
  }

  /** Draw for some milliseconds. */
  work(budget_ms: number): void {
    const end = performance.now() + budget_ms;
    while (!this.done && performance.now() < end) {
      const curve = this._curves[this._next++];
      draw(this._context, curve, this.frame, this._look(curve.id));
    }
  }

  private _next = 0;
  private _context: CanvasRenderingContext2D;
}
