import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import { number } from '../../../format';
import { extent, moved, zoomed } from './curves';
import { handle } from './gestures';
import type { IDrawn, IFrame, ILook } from './layer';
import { DENSE, draw, Layer } from './layer';

export interface IPlotOptions {
  xLog: boolean;
  yLog: boolean;
  /** How a place of the x axis is said. */
  sayX: (x: number) => string;
  dark: boolean;
  /** Reads what is pointed at; without it only the chart itself is drawn. */
  onPoint?: (at: IPointed | null) => void;
  /** The part of the x axis that is seen has changed, and rests; null for all of it. */
  onRange?: (range: [number, number] | null) => void;
}

/** Where the pointer is: in the chart, and on the x axis. */
export interface IPointed {
  x: number;
  y: number;
  left: number;
  top: number;
}

type Range = [number, number];

const REST_MS = 250;
const SLICE_MS = 6;
/** How much of itself the chart keeps drawn on either side, to be moved to. */
const MARGIN = 1;

/** Curves on axes of uPlot's. React knows nothing of it: what moves is drawn and not rendered. */
export class CurvePlot {
  constructor(
    private _node: HTMLElement,
    private _options: IPlotOptions
  ) {
    this._plot = this._make();
    this._letGo = handle(_node, this);
  }

  /** What is drawn, and how; the part that is seen stays. */
  show(curves: readonly IDrawn[], options: IPlotOptions): void {
    const anew =
      options.xLog !== this._options.xLog ||
      options.yLog !== this._options.yLog ||
      options.dark !== this._options.dark;
    const axis = options.xLog !== this._options.xLog;
    this._options = options;
    this._curves = curves;
    this._points = curves.reduce((sum, each) => sum + each.x.length * (each.raw ? 2 : 1), 0);
    if (axis) {
      this._range = null;
    }
    if (anew) {
      this._plot.destroy();
      this._plot = this._make();
    }
    this._fit();
  }

  /** Bring one curve to the front. */
  highlight(id: string | null): void {
    if (id !== this._front) {
      this._front = id;
      this._layer = null;
      this._plot.redraw(false, false);
      this._prepare();
    }
  }

  resize(width: number, height: number): void {
    if (width !== this._plot.width || height !== this._plot.height) {
      this._layer = null;
      this._plot.setSize({ width, height });
      this._prepare();
    }
  }

  /** See all of it again. */
  reset(): void {
    this._range = null;
    this._layer = null;
    this._fit();
    this._rest();
  }

  /** See a part of the x axis. */
  zoom(range: Range): void {
    this._range = range;
    this._layer = null;
    this._fit();
    this._rest();
  }

  /** Move what is seen by a share of its width; only what is in memory is drawn. */
  pan(share: number): void {
    this._moving = true;
    this._range = moved(this._x(), share, this._options.xLog);
    this._scale();
    this._rest();
  }

  /** The canvas with all that is drawn. */
  get canvas(): HTMLCanvasElement {
    return this._plot.ctx.canvas;
  }

  /** How far below the top a value lies, in pixels of the page. */
  top(value: number): number {
    return this._plot.valToPos(value, 'y');
  }

  /** Where the curves are drawn, without the axes. */
  get inner(): DOMRect {
    return this._plot.over.getBoundingClientRect();
  }

  /** Whether there is more than what is seen. */
  get zoomed(): boolean {
    return this._range !== null;
  }

  /** See the part between two shares of what is seen now. */
  zoomTo(from: number, to: number): void {
    this.zoom(zoomed(this._x(), from, to, this._options.xLog));
  }

  /** The part of the axes that is seen. */
  get seen(): { x: Range; y: Range } {
    return { x: this._x(), y: this._y };
  }

  dispose(): void {
    window.clearTimeout(this._timer);
    window.cancelAnimationFrame(this._idle);
    this._letGo();
    this._plot.destroy();
  }

  private _make(): uPlot {
    const style = window.getComputedStyle(this._node);
    const ink = style.getPropertyValue('--jp-ui-font-color2');
    const grid = { stroke: style.getPropertyValue('--jp-border-color3'), width: 1 };
    const axis = { stroke: ink, font: `11px ${style.fontFamily}`, grid, ticks: { show: false } };
    const { xLog, yLog } = this._options;
    const scale = (log: boolean, range: () => Range) =>
      log ? { time: false, distr: 3 as const, range } : { time: false, range };
    return new uPlot(
      {
        width: Math.max(50, this._node.clientWidth),
        height: Math.max(50, this._node.clientHeight),
        padding: [8, 12, 0, 0],
        legend: { show: false },
        cursor: {
          drag: { x: true, y: false, setScale: false },
          points: { show: false },
          y: false,
          bind: { dblclick: () => () => (this.reset(), null) }
        },
        scales: { x: scale(xLog, () => this._x()), y: scale(yLog, () => this._y) },
        axes: [
          {
            ...axis,
            size: 26,
            values: (_, splits) => splits.map(v => (v === null ? '' : this._options.sayX(v)))
          },
          {
            ...axis,
            size: 56,
            values: (_, splits) => splits.map(v => (v === null ? '' : number(v)))
          }
        ],
        series: [{}, { paths: () => null, points: { show: false } }],
        hooks: {
          draw: [u => this._draw(u)],
          setCursor: [u => this._point(u)],
          setSelect: [u => this._select(u)]
        }
      },
      [this._x(), this._y],
      this._node
    );
  }

  /** The axes anew: x as it was chosen, y as what is seen needs it. */
  private _fit(): void {
    const [low, high] = this._x();
    const seen = this._range
      ? this._curves.map(curve => {
          const inside = curve.x.map((x, at) => ({ x, at })).filter(p => p.x >= low && p.x <= high);
          return { x: inside.map(p => p.x), y: inside.map(p => curve.y[p.at]) };
        })
      : this._curves;
    const bands = this._range
      ? []
      : this._curves.flatMap(each => [each.low, each.high].map(y => ({ x: [], y: y ?? [] })));
    this._y = extent([...seen, ...bands], 'y', this._options.yLog);
    this._layer = null;
    this._scale();
    this._prepare();
  }

  private _x(): Range {
    return this._range ?? extent(this._curves, 'x', this._options.xLog);
  }

  private _scale(): void {
    // uPlot asks for ranges when its data is set; the data itself is drawn here.
    this._plot?.setData([this._x(), this._y]);
  }

  private _draw(u: uPlot): void {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.translate(bbox.left, bbox.top);
    const frame = this._frame(u);
    const layer = this._moving ? this._cover(frame) : null;
    if (layer) {
      const [low, high] = this._values(layer.frame.x);
      const share = (this._values(frame.x)[0] - low) / (high - low || 1);
      ctx.drawImage(layer.canvas, -Math.round(share * layer.frame.width), 0);
    } else {
      // The one that is looked at lies over the others.
      const order = [...this._curves].sort(
        (a, b) => +this._look(a.id).strong - +this._look(b.id).strong
      );
      order.forEach(curve => draw(ctx, curve, frame, this._look(curve.id)));
    }
    ctx.restore();
  }

  private _frame(u: uPlot): IFrame {
    const { xLog, yLog } = this._options;
    const { width, height } = u.bbox;
    return { x: this._x(), y: this._y, xLog, yLog, width, height, ratio: uPlot.pxRatio };
  }

  /** The layer that has all of a frame, whole. */
  private _cover(frame: IFrame): Layer {
    const [low, high] = this._values(frame.x);
    const [all0, all1] = this._values(extent(this._curves, 'x', this._options.xLog));
    const known = this._layer && this._values(this._layer.frame.x);
    // Beyond the data there is nothing to draw, so that much need not be covered.
    if (!known || Math.max(low, all0) < known[0] - 1e-9 || Math.min(high, all1) > known[1] + 1e-9) {
      this._layer = this._start(frame);
    }
    this._layer!.work(Infinity);
    return this._layer!;
  }

  private _start(frame: IFrame): Layer {
    const wide = { ...frame, x: zoomed(frame.x, -MARGIN, 1 + MARGIN, frame.xLog) };
    wide.width *= 1 + 2 * MARGIN;
    return new Layer(this._curves, wide, id => this._look(id));
  }

  /** Draw what may be moved to, while there is nothing else to do. */
  private _prepare(): void {
    window.cancelAnimationFrame(this._idle);
    if (!this._range) {
      return;
    }
    const step = () => {
      if (this._moving) {
        return;
      }
      this._layer ??= this._start(this._frame(this._plot));
      this._layer.work(SLICE_MS);
      if (!this._layer.done) {
        this._idle = window.requestAnimationFrame(step);
      }
    };
    this._idle = window.requestAnimationFrame(step);
  }

  private _values(range: readonly [number, number]): Range {
    return this._options.xLog ? [Math.log10(range[0]), Math.log10(range[1])] : [range[0], range[1]];
  }

  private _look(id: string): ILook {
    const front = this._front;
    const dense = this._points > DENSE;
    return { faded: front !== null && front !== id, strong: front === id, dense };
  }

  /** Tell it once nothing has moved for a moment. */
  private _rest(): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => {
      this._moving = false;
      this._plot.redraw(false, false);
      this._options.onRange?.(this._range);
      this._layer = null;
      this._prepare();
    }, REST_MS);
  }

  private _point(u: uPlot): void {
    const { left = -1, top = -1 } = u.cursor;
    const inside = left >= 0 && top >= 0 && !this._moving;
    this._options.onPoint?.(
      inside ? { x: u.posToVal(left, 'x'), y: u.posToVal(top, 'y'), left, top } : null
    );
  }

  private _select(u: uPlot): void {
    const { left, width } = u.select;
    if (width > 4) {
      this.zoom([u.posToVal(left, 'x'), u.posToVal(left + width, 'x')]);
    }
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  private _letGo: () => void;
  private _plot: uPlot;
  private _curves: readonly IDrawn[] = [];
  private _points = 0;
  private _range: Range | null = null;
  private _y: Range = [0, 1];
  private _front: string | null = null;
  private _layer: Layer | null = null;
  private _moving = false;
  private _timer = 0;
  private _idle = 0;
}
