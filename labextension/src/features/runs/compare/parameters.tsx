import type { PlotlyHTMLElement } from 'plotly.js';
import * as React from 'react';

import { ApiError } from '../../../api/client';
import { Banner, Empty } from '../../../components/basics';
import { useSignal, useTrans } from '../../../components/context';
import { useMemory } from '../../../components/memory';
import { Choose } from '../chart/choose';
import { PlotlyChart } from '../chart/plotly';
import { csv } from '../chart/save';
import { useDark } from '../chart/theme';
import { chartCode } from '../code';
import { colour } from '../colours';
import type { Importance } from '../types';
import type { IDimension } from './figures';
import {
  axisValues,
  contour,
  importance,
  isNumeric,
  parallel,
  scatter,
  withinMarks
} from './figures';
import type { CompareModel } from './model';

type Kind = 'parallel' | 'scatter' | 'contour' | 'importance';

/** More axes than this cannot be read. */
const MOST_AXES = 12;
const HEIGHT = 480;

/** How parameters and metrics go together. */
export function ParametersTab(props: { model: CompareModel }): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  const tick = useSignal(model.changed) + useSignal(model.chosen);
  const [kind, setKind] = useMemory<Kind>('compare-parameters', 'parallel');
  const ids = model.shown;
  const { params, metrics } = React.useMemo(
    () => dimensions(model),
    // The model changes in place: its ticks stand for it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [model, tick]
  );
  const [chosenMetric, setMetric] = React.useState('');
  const metric = metrics.find(each => each.name === chosenMetric) ?? metrics[0];
  const numbers = params.filter(each => isNumeric(each, ids));
  const [x, setX] = React.useState('');
  const [y, setY] = React.useState('');
  const kinds: [Kind, string][] = [
    ['parallel', trans.__('Parallel coordinates')],
    ['scatter', trans.__('Scatter')],
    ['contour', trans.__('Contour')],
    ['importance', trans.__('Importance')]
  ];
  if (!metric || params.length === 0) {
    return (
      <Empty>
        {metric
          ? trans.__('These runs have the same parameters.')
          : trans.__('These runs logged no metric.')}
      </Empty>
    );
  }
  const across = kind === 'contour' ? numbers : [...params, ...metrics];
  const first = across.find(each => each.name === x) ?? across[0];
  const second =
    across.find(each => each.name === y && each !== first) ?? across.find(each => each !== first);
  const choose = (
    label: string,
    value: IDimension | undefined,
    options: readonly IDimension[],
    set: (name: string) => void
  ) => (
    <Choose
      label={label}
      value={value?.name ?? ''}
      options={options.map(each => [each.name, each.name] as const)}
      onChange={set}
    />
  );
  return (
    <div className="lst-Parameters lst-Scroll">
      <div className="lst-Settings" role="toolbar" aria-label={trans.__('What is drawn')}>
        <Choose label={trans.__('Chart')} value={kind} options={kinds} onChange={setKind} />
        {choose(trans.__('Metric'), metric, metrics, setMetric)}
        {(kind === 'scatter' || kind === 'contour') &&
          choose(trans.__('Across'), first, across, setX)}
        {kind === 'contour' && choose(trans.__('Up'), second, across, setY)}
      </div>
      {kind === 'parallel' && <Parallel model={model} params={params} metric={metric} />}
      {kind === 'scatter' && first && <Scatter model={model} x={first} y={metric} />}
      {kind === 'contour' && <Contour model={model} x={first} y={second} metric={metric} />}
      {kind === 'importance' && <ImportanceChart model={model} metric={metric.name} />}
    </div>
  );
}

function dimensions(model: CompareModel): { params: IDimension[]; metrics: IDimension[] } {
  const ids = model.shown;
  const { params, metrics } = model.comparison!;
  const varied = (each: IDimension) => new Set(ids.map(id => each.values[id])).size > 1;
  return {
    params: params
      .map(each => ({ name: each.key, kind: 'param' as const, values: each.values }))
      .filter(varied),
    metrics: metrics.map(({ key, values }) => ({
      name: key,
      kind: 'metric' as const,
      values: Object.fromEntries(Object.entries(values).map(([id, each]) => [id, each.last]))
    }))
  };
}

/** The numbers of a chart, a run to a row. */
function rows(model: CompareModel, columns: readonly IDimension[]): string {
  return csv([
    ['run', 'name', ...columns.map(each => each.name)],
    ...model.shown.map(id => [id, model.label(id), ...columns.map(each => each.values[id])])
  ]);
}

function Parallel(props: {
  model: CompareModel;
  params: readonly IDimension[];
  metric: IDimension;
}): JSX.Element {
  const { model, params, metric } = props;
  const trans = useTrans();
  const ids = model.shown;
  const axes = params.slice(0, MOST_AXES);
  const key = `${ids.join()} ${axes.map(each => each.name).join()} ${metric.name}`;
  const figure = React.useMemo(
    () => parallel(axes, metric, ids),
    // The key says all that it is made of.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [key]
  );
  const latest = React.useRef({ axes, metric, ids });
  latest.current = { axes, metric, ids };
  const ready = React.useCallback(
    (node: PlotlyHTMLElement) => {
      node.on('plotly_restyle', () => {
        const { data } = node as unknown as {
          data: { dimensions: { constraintrange?: unknown[] }[] }[];
        };
        const now = latest.current;
        const marked = [...now.axes, now.metric].map((each, at) => ({
          values: axisValues(each, now.ids).values,
          marks: data[0].dimensions[at]?.constraintrange
        }));
        model.select(marked.some(each => each.marks?.length) ? withinMarks(marked, now.ids) : null);
      });
    },
    [model]
  );
  return (
    <>
      <PlotlyChart
        key={key}
        title={trans.__('Parallel coordinates')}
        {...figure}
        height={HEIGHT}
        words={trans.__('%1 runs over %2 parameters and %3', ids.length, axes.length, metric.name)}
        csv={() => rows(model, [...axes, metric])}
        code={() =>
          chartCode('parallel', ids, { metric: metric.name, params: axes.map(each => each.name) })
        }
        onReady={ready}
      />
      <p className="lst-Quiet">
        {trans.__('Drag along an axis to select runs; the other charts show those only.')}
        {params.length > MOST_AXES &&
          ` ${trans.__('The first %1 of %2 parameters are shown.', MOST_AXES, params.length)}`}
      </p>
    </>
  );
}

function Scatter(props: { model: CompareModel; x: IDimension; y: IDimension }): JSX.Element {
  const { model, x, y } = props;
  const trans = useTrans();
  const dark = useDark();
  const ids = model.shown;
  const styles = ids.map(id => model.style(id).colour).join();
  const figure = React.useMemo(
    () =>
      scatter(x, y, ids, id => ({
        colour: colour(model.style(id).colour, dark),
        label: model.label(id)
      })),
    // The styles stand for what the model says of colours.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [model, x, y, ids.join(), styles, dark]
  );
  const ready = React.useCallback((node: PlotlyHTMLElement) => follow(node, model), [model]);
  return (
    <PlotlyChart
      title={trans.__('%1 over %2', y.name, x.name)}
      {...figure}
      height={HEIGHT}
      words={trans.__('%1 of %2 runs over %3', y.name, ids.length, x.name)}
      csv={() => rows(model, [x, y])}
      code={() =>
        chartCode('scatter', ids, { x: `${x.kind}s.${x.name}`, y: `${y.kind}s.${y.name}` })
      }
      onReady={ready}
    />
  );
}

/** Look at the run that is pointed at, and select those that a box was drawn around. */
function follow(node: PlotlyHTMLElement, model: CompareModel): void {
  const named = (points: readonly unknown[]) =>
    points.map(point => String((point as { customdata?: unknown }).customdata));
  node.on('plotly_hover', event => model.look(named(event.points)[0]));
  node.on('plotly_unhover', () => model.look(null));
  node.on('plotly_selected', event => model.select(event ? named(event.points) : null));
  node.on('plotly_deselect', () => model.select(null));
}

function Contour(props: {
  model: CompareModel;
  x: IDimension | undefined;
  y: IDimension | undefined;
  metric: IDimension;
}): JSX.Element {
  const { model, x, y, metric } = props;
  const trans = useTrans();
  const ids = model.shown;
  const figure = React.useMemo(
    () => (x && y ? contour(x, y, metric, ids, id => model.label(id)) : null),
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [model, x, y, metric, ids.join()]
  );
  const ready = React.useCallback((node: PlotlyHTMLElement) => follow(node, model), [model]);
  if (!figure || !x || !y) {
    return (
      <Empty>
        {trans.__(
          'A contour needs four runs with two numeric parameters that each have two values.'
        )}
      </Empty>
    );
  }
  return (
    <PlotlyChart
      title={trans.__('%1 over %2 and %3', metric.name, x.name, y.name)}
      {...figure}
      height={HEIGHT}
      words={trans.__('%1 of %2 runs over %3 and %4', metric.name, ids.length, x.name, y.name)}
      csv={() => rows(model, [x, y, metric])}
      code={() => chartCode('contour', ids, { x: x.name, y: y.name, metric: metric.name })}
      onReady={ready}
    />
  );
}

function ImportanceChart(props: { model: CompareModel; metric: string }): JSX.Element | null {
  const { model, metric } = props;
  const trans = useTrans();
  const [found, setFound] = React.useState<Importance | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  const ids = model.visible.join();
  React.useEffect(() => {
    let live = true;
    model.runs.importance(metric, { run: ids.split(',') }).then(
      answer => {
        if (live) {
          setFound(answer);
          setProblem(null);
        }
      },
      reason => live && setProblem(ApiError.from(reason).message)
    );
    return () => {
      live = false;
    };
  }, [model, metric, ids]);
  const figure = React.useMemo(() => found && importance(found.items), [found]);
  if (problem) {
    return <Banner kind="error">{problem}</Banner>;
  }
  if (!found || !figure) {
    return null;
  }
  if (found.items.length === 0) {
    return <Empty>{found.message}</Empty>;
  }
  return (
    <>
      <PlotlyChart
        title={trans.__('What %1 depends on', metric)}
        {...figure}
        height={Math.max(180, 60 + 34 * found.items.length)}
        words={found.items
          .map(each => `${each.param} ${(100 * each.importance).toFixed(0)} %`)
          .join(', ')}
        csv={() =>
          csv([
            ['parameter', 'importance', 'correlation'],
            ...found.items.map(each => [each.param, each.importance, each.correlation])
          ])
        }
        code={() => chartCode('importance', model.visible, { metric })}
      />
      <p className="lst-Quiet">
        {trans.__('From %1 runs, by a random forest; ρ is Spearman’s correlation.', found.runs)}{' '}
        {found.message}
      </p>
    </>
  );
}
