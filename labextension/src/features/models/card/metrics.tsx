import * as React from 'react';

import { useTrans } from '../../../components/context';
import { number, oneLine } from '../../../format';
import type { Source } from '../types';
import { step } from './draft';
import { Sources } from './sources';

/** A metric of SageMaker's card schema: a number, a text, bars, a line or a matrix. */
export interface IMetric {
  name: string;
  type?: string;
  value: unknown;
  notes?: string;
  x_axis_name?: string | readonly string[];
  y_axis_name?: string | readonly string[];
}

/** Metrics with their values, in the way of each, and what each was taken from. */
export function MetricTable(props: {
  pointer: string;
  metrics: readonly IMetric[];
  sources: Readonly<Record<string, readonly Source[]>>;
}): JSX.Element {
  const { pointer, metrics, sources } = props;
  const trans = useTrans();
  return (
    <table className="lst-Table lst-Card-metrics">
      <thead className="lst-sr">
        <tr>
          <th>{trans.__('Name')}</th>
          <th>{trans.__('Value')}</th>
        </tr>
      </thead>
      <tbody>
        {metrics.map((metric, index) => {
          const at = step(pointer, index);
          return (
            <tr key={index}>
              <th scope="row">{metric.name}</th>
              <td className="lst-Wrap">
                <span className="lst-Claim" data-pointer={at}>
                  <Shown metric={metric} />
                  <Sources sources={sources[at] ?? sources[step(at, 'value')]} />
                </span>
                {metric.notes && <div className="lst-Quiet">{metric.notes}</div>}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Shown(props: { metric: IMetric }): JSX.Element {
  const { metric } = props;
  const { value } = metric;
  switch (metric.type) {
    case 'bar_chart':
      return <Bars metric={metric} values={numbers(value)} />;
    case 'matrix':
      return <Matrix metric={metric} rows={Array.isArray(value) ? value.map(numbers) : []} />;
    case 'linear_graph':
      return <Line metric={metric} points={Array.isArray(value) ? value.map(numbers) : []} />;
    default:
      return <span>{typeof value === 'number' ? number(value) : oneLine(value, 400)}</span>;
  }
}

function Bars(props: { metric: IMetric; values: readonly number[] }): JSX.Element {
  const { metric, values } = props;
  const names = Array.isArray(metric.x_axis_name) ? metric.x_axis_name : [];
  const most = Math.max(...values.map(Math.abs), Number.MIN_VALUE);
  return (
    <span className="lst-Bars">
      {values.map((value, index) => (
        <span key={index} className="lst-Meter">
          <span className="lst-Meter-label">{String(names[index] ?? index)}</span>
          <span className="lst-Meter-bar">
            <span style={{ width: `${(Math.abs(value) / most) * 100}%` }} />
          </span>
          <span className="lst-Meter-text">{number(value)}</span>
        </span>
      ))}
    </span>
  );
}

function Matrix(props: { metric: IMetric; rows: readonly (readonly number[])[] }): JSX.Element {
  const { metric, rows } = props;
  const names = (axis: IMetric['x_axis_name']) => (Array.isArray(axis) ? axis : []);
  const [across, along] = [names(metric.x_axis_name), names(metric.y_axis_name)];
  return (
    <span className="lst-Sideways">
      <table className="lst-Table lst-Matrix" aria-label={metric.name}>
        {across.length > 0 && (
          <thead>
            <tr>
              <th />
              {across.map((name, index) => (
                <th key={index} data-number>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
        )}
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              <th scope="row">{along[index] ?? ''}</th>
              {row.map((value, column) => (
                <td key={column} data-number>
                  {number(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </span>
  );
}

const WIDTH = 220;
const HEIGHT = 60;

function Line(props: { metric: IMetric; points: readonly (readonly number[])[] }): JSX.Element {
  const { metric, points } = props;
  const [xs, ys] = [points.map(point => point[0]), points.map(point => point[1])];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const x = (value: number) => ((value - left) / (right - left || 1)) * (WIDTH - 2) + 1;
  const y = (value: number) => HEIGHT - 2 - ((value - low) / (high - low || 1)) * (HEIGHT - 4);
  const path = points.map(point => `${x(point[0]).toFixed(1)},${y(point[1]).toFixed(1)}`).join(' ');
  const words = points.length
    ? `${metric.name}: ${number(ys[0])} … ${number(ys[ys.length - 1])}`
    : metric.name;
  return (
    <svg
      className="lst-Card-line"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={words}
    >
      <title>{words}</title>
      <polyline points={path} />
    </svg>
  );
}

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}
