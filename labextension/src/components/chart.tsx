import * as React from 'react';

import { number } from '../format';
import { nearest, thin, ticks } from './scale';

export interface IPoint {
  x: number;
  y: number;
}

export interface ISeries {
  name: string;
  points: readonly IPoint[];
}

export interface IChartProps {
  title: string;
  series: readonly ISeries[];
  /** How values are said. */
  formatY?: (y: number) => string;
  formatX?: (x: number) => string;
  /** The axis begins at zero. */
  zero?: boolean;
  height?: number;
  area?: boolean;
}

const LEFT = 48;
const RIGHT = 12;
const TOP = 8;
const BOTTOM = 20;

/** A line chart in the theme's colours, with axes and a readout under the pointer. */
export function LineChart(props: IChartProps): JSX.Element {
  const { series, height = 150, formatY = number, formatX = number } = props;
  const box = React.useRef<HTMLDivElement>(null);
  const [width, setWidth] = React.useState(0);
  const [hover, setHover] = React.useState<number | null>(null);
  React.useLayoutEffect(() => {
    const element = box.current;
    if (!element) {
      return;
    }
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);

  const drawn = React.useMemo(
    () => series.map(each => ({ ...each, points: thin(each.points, Math.max(200, width)) })),
    [series, width]
  );
  const all = drawn.flatMap(each => each.points);
  const xs = all.map(p => p.x);
  const ys = all.map(p => p.y);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const marks = ticks(props.zero ? Math.min(0, ...ys) : Math.min(...ys), Math.max(...ys), 3);
  const [y0, y1] = [marks[0], marks[marks.length - 1]];
  const right = Math.max(LEFT + 1, width - RIGHT);
  const bottom = height - BOTTOM;
  const px = (x: number) =>
    x1 === x0 ? (LEFT + right) / 2 : LEFT + ((x - x0) / (x1 - x0)) * (right - LEFT);
  const py = (y: number) => (y1 === y0 ? bottom : bottom - ((y - y0) / (y1 - y0)) * (bottom - TOP));
  const last = series[0]?.points[series[0].points.length - 1];
  const readouts = drawn.map(each => {
    const point =
      hover === null || each.points.length === 0 ? null : each.points[nearest(each.points, hover)];
    return { name: each.name, point };
  });
  const shown = readouts.find(each => each.point)?.point ?? null;
  return (
    <figure className="lst-Chart" aria-label={props.title}>
      <figcaption>
        <span title={props.title}>{props.title}</span>
        {series.length > 1 ? (
          <span className="lst-Chart-legend">
            {readouts.map((each, index) => (
              <span key={each.name} data-series={index % 6}>
                {each.name} {each.point ? formatY(each.point.y) : ''}
              </span>
            ))}
          </span>
        ) : (
          <output>{shown ? formatY(shown.y) : last ? formatY(last.y) : ''}</output>
        )}
      </figcaption>
      <div
        ref={box}
        style={{ height }}
        onMouseLeave={() => setHover(null)}
        onMouseMove={event => {
          const { left } = event.currentTarget.getBoundingClientRect();
          const share = (event.clientX - left - LEFT) / Math.max(1, right - LEFT);
          setHover(x0 + Math.max(0, Math.min(1, share)) * (x1 - x0));
        }}
      >
        {width > 0 && all.length > 0 && (
          <svg width={width} height={height} role="img" aria-label={props.title}>
            {marks.map(y => (
              <g key={y} className="lst-Chart-grid">
                <line x1={LEFT} x2={right} y1={py(y)} y2={py(y)} />
                <text x={LEFT - 6} y={py(y)} dy="0.32em" textAnchor="end">
                  {formatY(y)}
                </text>
              </g>
            ))}
            <g className="lst-Chart-grid">
              <text x={LEFT} y={height - 4}>
                {formatX(x0)}
              </text>
              {x1 > x0 && (
                <text x={right} y={height - 4} textAnchor="end">
                  {formatX(x1)}
                </text>
              )}
            </g>
            {drawn.map((each, index) => {
              const line = each.points.map(p => `${px(p.x).toFixed(1)},${py(p.y).toFixed(1)}`);
              return (
                <g key={each.name} data-series={index % 6} className="lst-Chart-series">
                  {props.area && each.points.length > 1 && (
                    <polygon
                      points={`${px(each.points[0].x)},${bottom} ${line.join(' ')} ${px(each.points[each.points.length - 1].x)},${bottom}`}
                    />
                  )}
                  {each.points.length > 1 ? (
                    <polyline points={line.join(' ')} />
                  ) : (
                    each.points.map(p => <circle key={p.x} cx={px(p.x)} cy={py(p.y)} r={3} />)
                  )}
                </g>
              );
            })}
            {shown && (
              <g className="lst-Chart-hover">
                <line x1={px(shown.x)} x2={px(shown.x)} y1={TOP} y2={bottom} />
                {readouts.map(
                  (each, index) =>
                    each.point && (
                      <circle
                        key={each.name}
                        data-series={index % 6}
                        cx={px(each.point.x)}
                        cy={py(each.point.y)}
                        r={3.5}
                      />
                    )
                )}
                <text
                  x={Math.max(LEFT + 20, Math.min(right - 20, px(shown.x)))}
                  y={height - 4}
                  textAnchor="middle"
                >
                  {formatX(shown.x)}
                </text>
              </g>
            )}
          </svg>
        )}
      </div>
    </figure>
  );
}
