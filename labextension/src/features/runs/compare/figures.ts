/** Plotly figures of parameters and metrics. Pure. */
import type { Data, Layout } from 'plotly.js';

/** A column of the runs' parameters and metrics. */
export interface IDimension {
  name: string;
  kind: 'param' | 'metric';
  values: Readonly<Record<string, string | number | null | undefined>>;
}

export interface IFigure {
  data: Partial<Data>[];
  layout: Partial<Layout>;
}

/** Told apart by most who see colours differently, and in print. */
const SCALE = 'Cividis';

/** The same for thin lines, on a light ground and on a dark one. */
const LINES = [
  [0, '#0072b2'],
  [0.5, '#8a7f9c'],
  [1, '#d55e00']
];

/** Up to so many different numbers have a mark each on their axis. */
const FEW = 8;

/** A value as a number where it is one. */
export function numeric(value: string | number | null | undefined): number {
  return value === null || value === undefined || value === '' ? NaN : Number(value);
}

/** Whether all values that are known are numbers. */
export function isNumeric(dimension: IDimension, ids: readonly string[]): boolean {
  const known = ids.map(id => dimension.values[id]).filter(each => each !== undefined);
  return known.length > 0 && known.every(each => each === null || Number.isFinite(numeric(each)));
}

/** Whether the values span so much that a logarithmic axis shows them better. */
export function isWide(values: readonly number[]): boolean {
  const known = values.filter(Number.isFinite);
  const low = Math.min(...known);
  return known.length > 1 && low > 0 && Math.max(...known) / low >= 100;
}

interface IAxisValues {
  values: number[];
  tickvals?: number[];
  ticktext?: string[];
}

/** What stands on an axis: the numbers, their logarithms, or a place for each text. */
export function axisValues(dimension: IDimension, ids: readonly string[]): IAxisValues {
  if (isNumeric(dimension, ids)) {
    const values = ids.map(id => numeric(dimension.values[id]));
    if (!isWide(values)) {
      const places = [...new Set(values.filter(Number.isFinite))].sort((a, b) => a - b);
      return places.length <= FEW && places.every(Number.isInteger)
        ? { values, tickvals: places, ticktext: places.map(String) }
        : { values };
    }
    const logs = values.map(Math.log10);
    const known = logs.filter(Number.isFinite);
    const first = Math.ceil(Math.min(...known));
    const count = Math.floor(Math.max(...known)) - first + 1;
    const tickvals = Array.from({ length: Math.max(0, count) }, (_, at) => first + at);
    return { values: logs, tickvals, ticktext: tickvals.map(each => String(Number(`1e${each}`))) };
  }
  const texts = ids.map(id => String(dimension.values[id] ?? '–'));
  const places = [...new Set(texts)].sort((a, b) =>
    a.localeCompare(b, undefined, { numeric: true })
  );
  return {
    values: texts.map(text => places.indexOf(text)),
    tickvals: places.map((_, at) => at),
    ticktext: places.map(text => (text.length > 14 ? `${text.slice(0, 13)}…` : text))
  };
}

/** One line for each run across an axis for each parameter; its colour is the metric. */
export function parallel(
  dimensions: readonly IDimension[],
  metric: IDimension,
  ids: readonly string[]
): IFigure {
  const colours = ids.map(id => numeric(metric.values[id]));
  const known = colours.filter(Number.isFinite);
  const low = known.length ? Math.min(...known) : 0;
  return {
    data: [
      {
        type: 'parcoords',
        dimensions: [...dimensions, metric].map(each => ({
          label: each.name.length > 18 ? `${each.name.slice(0, 17)}…` : each.name,
          ...axisValues(each, ids)
        })),
        line: {
          color: colours.map(value => (Number.isFinite(value) ? value : low)),
          colorscale: LINES,
          showscale: true
        }
      } as unknown as Partial<Data>
    ],
    layout: { margin: { l: 70, r: 60, t: 56, b: 28 } }
  };
}

/** A point for each run. */
export function scatter(
  x: IDimension,
  y: IDimension,
  ids: readonly string[],
  look: (id: string) => { colour: string; label: string }
): IFigure {
  const side = (dimension: IDimension) => {
    const number = isNumeric(dimension, ids);
    const values = ids.map(id =>
      number ? numeric(dimension.values[id]) : String(dimension.values[id] ?? '–')
    );
    const log = number && isWide(values as number[]);
    return { values, axis: { title: { text: dimension.name }, type: log ? 'log' : undefined } };
  };
  const [across, up] = [side(x), side(y)];
  return {
    data: [
      {
        type: 'scatter',
        mode: 'markers',
        x: across.values,
        y: up.values,
        text: ids.map(id => look(id).label),
        customdata: [...ids],
        marker: { color: ids.map(id => look(id).colour), size: 10, line: { width: 0 } },
        hovertemplate: '%{text}<br>%{x}, %{y}<extra></extra>'
      }
    ],
    layout: {
      dragmode: 'select',
      xaxis: across.axis as Layout['xaxis'],
      yaxis: up.axis as Layout['yaxis']
    }
  };
}

/** A metric over two parameters; null where there is not enough to draw a surface through. */
export function contour(
  x: IDimension,
  y: IDimension,
  metric: IDimension,
  ids: readonly string[],
  label: (id: string) => string
): IFigure | null {
  const all = ids
    .map(id => [numeric(x.values[id]), numeric(y.values[id]), numeric(metric.values[id])])
    .map((point, at) => ({ point, id: ids[at] }))
    .filter(each => each.point.every(Number.isFinite));
  const column = (at: number) => all.map(each => each.point[at]);
  if (new Set(column(0)).size < 2 || new Set(column(1)).size < 2 || all.length < 4) {
    return null;
  }
  const axis = (dimension: IDimension, at: number) => ({
    title: { text: dimension.name },
    type: isWide(column(at)) ? ('log' as const) : undefined
  });
  return {
    data: [
      {
        type: 'contour',
        x: column(0),
        y: column(1),
        z: column(2),
        connectgaps: true,
        colorscale: SCALE,
        contours: { coloring: 'heatmap' },
        line: { width: 0.5 },
        hoverinfo: 'skip'
      } as Partial<Data>,
      {
        type: 'scatter',
        mode: 'markers',
        x: column(0),
        y: column(1),
        text: all.map(
          each => `${label(each.id)}<br>${metric.name} ${each.point[2].toPrecision(5)}`
        ),
        customdata: all.map(each => each.id),
        marker: { color: '#fff', size: 8, line: { color: '#333', width: 1.5 } },
        hovertemplate: '%{text}<extra></extra>'
      }
    ],
    layout: {
      xaxis: axis(x, 0) as Layout['xaxis'],
      yaxis: axis(y, 1) as Layout['yaxis']
    }
  };
}

/** How much each parameter tells of a metric, the greatest above. */
export function importance(
  items: readonly { param: string; importance: number; correlation: number | null }[]
): IFigure {
  const shown = [...items].reverse();
  const sign = (value: number | null) =>
    value === null ? '' : ` · ρ ${value > 0 ? '+' : ''}${value.toFixed(2)}`;
  return {
    data: [
      {
        type: 'bar',
        orientation: 'h',
        x: shown.map(each => each.importance),
        y: shown.map(each => each.param),
        text: shown.map(each => `${(100 * each.importance).toFixed(0)} %${sign(each.correlation)}`),
        textposition: 'auto',
        cliponaxis: false,
        marker: {
          color: shown.map(each =>
            each.correlation === null ? '#8a8a8a' : each.correlation < 0 ? '#d55e00' : '#0072b2'
          )
        },
        hovertemplate: '%{y}: %{text}<extra></extra>'
      }
    ],
    layout: {
      xaxis: { title: { text: 'importance' }, rangemode: 'tozero', tickformat: '.0%' },
      yaxis: { type: 'category' },
      bargap: 0.3
    }
  };
}

/** The runs that pass through what was marked on the axes of parallel coordinates. */
export function withinMarks(
  axes: readonly { values: readonly number[]; marks?: readonly unknown[] | null }[],
  ids: readonly string[]
): string[] {
  const inside = (value: number, marks: readonly unknown[]) => {
    const ranges = (Array.isArray(marks[0]) ? marks : [marks]) as [number, number][];
    return ranges.some(([low, high]) => value >= low && value <= high);
  };
  return ids.filter((_, at) =>
    axes.every(axis => !axis.marks?.length || inside(axis.values[at], axis.marks))
  );
}
