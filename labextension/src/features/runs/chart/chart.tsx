import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IconButton } from '../../../components/basics';
import { useTrans } from '../../../components/context';
import { number } from '../../../format';
import { closeIcon, growIcon, resetIcon } from './icons';
import { nearestTo, summary } from './curves';
import type { IDrawn } from './layer';
import type { IExport } from './menu';
import { ChartMenu } from './menu';
import type { IPlotOptions, IPointed } from './plot';
import { CurvePlot } from './plot';
import { curvesCsv, curvesSvg, png, save } from './save';
import { themed, useDark } from './theme';

export interface ICurveChartProps {
  title: string;
  /** What the y axis shows, as it is named in a file. */
  metric: string;
  curves: readonly IDrawn[];
  axis: string;
  sayX: (x: number) => string;
  xLog?: boolean;
  yLog?: boolean;
  height: number;
  /** The curve that is looked at, here or elsewhere. */
  front?: string | null;
  /** The pointer has come to another curve, or to none; and which one it leaves. */
  onFront?: (id: string | null, left: string | null) => void;
  onRange?: (range: [number, number] | null) => void;
  /** Python that draws the same in a notebook. */
  code?: () => string;
  /** Show it in full size; or back among the others. */
  onSize?: () => void;
  large?: boolean;
}

/** How near the pointer must come to a curve to mean it. */
const NEAR_PX = 24;
const MOST_SHOWN = 14;

/** Curves with a readout, ways to take them along, and what they show in words. */
export function CurveChart(props: ICurveChartProps): JSX.Element {
  const { title, curves, height, sayX, xLog = false, yLog = false, front = null } = props;
  const trans = useTrans();
  const dark = useDark();
  const box = React.useRef<HTMLDivElement>(null);
  const plot = React.useRef<CurvePlot | null>(null);
  const [at, setAt] = React.useState<IPointed | null>(null);
  const [zoomed, setZoomed] = React.useState(false);
  /** The curve that the pointer is at in this chart. */
  const mine = React.useRef<string | null>(null);
  const latest = React.useRef(props);
  latest.current = props;

  const options: IPlotOptions = {
    xLog,
    yLog,
    dark,
    sayX,
    onPoint: place => {
      setAt(place);
      const { onFront, curves: all } = latest.current;
      const id = place && plot.current ? nearest(all, place, plot.current) : null;
      if (id !== mine.current) {
        onFront?.(id, mine.current);
        mine.current = id;
      }
    },
    onRange: range => {
      setZoomed(range !== null);
      latest.current.onRange?.(range);
    }
  };
  React.useLayoutEffect(() => {
    const node = box.current!;
    const made = new CurvePlot(node, options);
    plot.current = made;
    const observer = new ResizeObserver(() => made.resize(node.clientWidth, node.clientHeight));
    observer.observe(node);
    return () => {
      observer.disconnect();
      made.dispose();
      plot.current = null;
    };
    // What changes later is shown by the next effect.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  React.useLayoutEffect(() => {
    plot.current?.show(curves, options);
    // The functions in the options read what is newest.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [curves, xLog, yLog, dark, sayX]);
  React.useEffect(() => plot.current?.highlight(front), [front]);

  const exports: IExport = {
    name: title,
    code: props.code,
    png: () => png(plot.current!.canvas, themed('--jp-layout-color1')),
    svg: async () =>
      curvesSvg(
        curves,
        { ...plot.current!.seen, xLog, yLog },
        {
          x: props.axis,
          y: props.metric,
          sayX
        }
      ),
    csv: () => curvesCsv(curves, props.axis, props.metric)
  };
  return (
    <figure className="lst-Curves" aria-label={title} data-large={props.large || undefined}>
      <figcaption>
        <span title={title}>{title}</span>
        {curves.length === 1 && <output>{number(summary(curves[0].y).last)}</output>}
        <span className="lst-Curves-tools">
          {zoomed && (
            <IconButton
              icon={resetIcon}
              label={trans.__('See all of it again')}
              onClick={() => plot.current?.reset()}
            />
          )}
          <ChartMenu {...exports} save={save} />
          {props.onSize && (
            <IconButton
              icon={props.large ? closeIcon : growIcon}
              label={props.large ? trans.__('Back to all charts') : trans.__('Full size')}
              onClick={props.onSize}
            />
          )}
        </span>
      </figcaption>
      <div
        ref={box}
        className="lst-Curves-plot"
        style={{ height }}
        tabIndex={0}
        role="img"
        aria-label={words(title, curves, trans)}
        aria-keyshortcuts="ArrowLeft ArrowRight + - 0"
      >
        {at && <Tip at={at} curves={curves} sayX={sayX} front={front} box={box} />}
      </div>
    </figure>
  );
}

/** The values where the pointer is, the highest first. */
function Tip(props: {
  at: IPointed;
  curves: readonly IDrawn[];
  sayX: (x: number) => string;
  front: string | null;
  box: React.RefObject<HTMLElement>;
}): JSX.Element | null {
  const { at, curves, front } = props;
  const trans = useTrans();
  const found = curves
    .flatMap(curve => {
      const index = nearestTo(curve.x, at.x);
      const beyond = index < 0 || at.x > (curve.x.at(-1) ?? 0) || at.x < curve.x[0];
      return beyond && curve.x.length > 1
        ? []
        : [{ curve, x: curve.x[index], y: curve.y[index], index }];
    })
    .filter(each => Number.isFinite(each.y))
    .sort((a, b) => b.y - a.y);
  if (found.length === 0) {
    return null;
  }
  // Of many, those around the one that is meant.
  const middle = Math.max(
    0,
    found.findIndex(each => each.curve.id === front)
  );
  const first = Math.max(
    0,
    Math.min(middle - Math.floor(MOST_SHOWN / 2), found.length - MOST_SHOWN)
  );
  const right = at.left > (props.box.current?.clientWidth ?? 0) / 2;
  return (
    <div
      className="lst-Curves-tip"
      aria-hidden="true"
      style={right ? { right: `calc(100% - ${at.left + 44}px)` } : { left: at.left + 72 }}
    >
      <strong>{props.sayX(found[middle].x)}</strong>
      {found.slice(first, first + MOST_SHOWN).map(({ curve, y, index }) => (
        <div key={curve.id} data-front={curve.id === front}>
          <i style={{ background: curve.colour }} />
          <span>{curve.label}</span>
          <b>
            {number(y)}
            {curve.low && curve.high && (
              <small>
                {' '}
                {number(curve.low[index])} – {number(curve.high[index])}
              </small>
            )}
          </b>
        </div>
      ))}
      {found.length > MOST_SHOWN && <em>{trans.__('%1 of %2', MOST_SHOWN, found.length)}</em>}
    </div>
  );
}

/** The curve that the pointer is at, if it is at one. */
function nearest(curves: readonly IDrawn[], at: IPointed, plot: CurvePlot): string | null {
  let best = NEAR_PX;
  let found: string | null = null;
  for (const curve of curves) {
    const index = nearestTo(curve.x, at.x);
    const distance = index < 0 ? Infinity : Math.abs(plot.top(curve.y[index]) - at.top);
    if (distance < best) {
      best = distance;
      found = curve.id;
    }
  }
  return found;
}

function words(title: string, curves: readonly IDrawn[], trans: TranslationBundle): string {
  const each = curves.slice(0, 20).map(curve => {
    const [last, min, max] = Object.values(summary(curve.y)).map(number);
    return trans.__('%1: last %2, lowest %3, highest %4', curve.label, last, min, max);
  });
  return [title, ...each].join('. ');
}
