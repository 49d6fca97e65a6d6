import type { Data } from 'plotly.js';
import * as React from 'react';

import { ApiError } from '../../../api/client';
import { Banner, Empty } from '../../../components/basics';
import { useSignal, useTrans } from '../../../components/context';
import { Choose } from '../chart/choose';
import { PlotlyChart } from '../chart/plotly';
import { csv } from '../chart/save';
import { useDark } from '../chart/theme';
import { chartCode } from '../code';
import { colour } from '../colours';
import type { Confusion, Predictions, RunPredictions } from '../types';
import type { CompareModel } from './model';

const HEIGHT = 380;

/** What the runs predicted: confusion side by side, ROC and precision over one another. */
export function PredictionsTab(props: { model: CompareModel }): JSX.Element | null {
  const { model } = props;
  const trans = useTrans();
  useSignal(model.chosen);
  const [found, setFound] = React.useState<Predictions | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  const [chosen, setChosen] = React.useState('');
  const ids = model.ids.join();
  React.useEffect(() => {
    let live = true;
    model.runs.predictions(ids.split(',')).then(
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
  }, [model, ids]);
  if (problem) {
    return <Banner kind="error">{problem}</Banner>;
  }
  if (!found) {
    return null;
  }
  const visible = new Set(model.visible);
  const items = found.items.filter(each => visible.has(each.run_id));
  const labels = [...new Set(items.flatMap(each => each.roc.map(curve => curve.label)))];
  const label = labels.includes(chosen) ? chosen : (labels.at(-1) ?? '');
  const confusions = items.filter(each => each.confusion);
  if (labels.length === 0 && confusions.length === 0) {
    return (
      <Empty>
        {trans.__(
          'None of these runs logged predictions. labstudio.log_predictions(y_true, y_pred, y_score) does.'
        )}
      </Empty>
    );
  }
  return (
    <div className="lst-Predictions lst-Scroll">
      {labels.length > 1 && (
        <div className="lst-Settings">
          <Choose
            label={trans.__('Positive is')}
            value={label}
            options={labels.map(each => [each, each] as const)}
            onChange={setChosen}
          />
        </div>
      )}
      {labels.length > 0 && (
        <div className="lst-RunCharts-grid" data-pair>
          <Overlay model={model} items={items} label={label} kind="roc" />
          <Overlay model={model} items={items} label={label} kind="pr" />
        </div>
      )}
      {confusions.length > 0 && (
        <div className="lst-Confusions">
          {confusions.map(each => (
            <Matrix key={each.run_id} model={model} run={each.run_id} confusion={each.confusion!} />
          ))}
        </div>
      )}
      {items
        .filter(each => each.message)
        .map(each => (
          <p key={each.run_id} className="lst-Quiet">
            {model.label(each.run_id)}: {each.message}
          </p>
        ))}
    </div>
  );
}

interface ILine {
  run: string;
  x: number[];
  y: number[];
  area: number;
}

function lines(items: readonly RunPredictions[], kind: 'roc' | 'pr', label: string): ILine[] {
  return items.flatMap(each => {
    const roc = each.roc.find(curve => curve.label === label);
    const pr = each.pr.find(curve => curve.label === label);
    if (kind === 'roc') {
      return roc
        ? [
            {
              run: each.run_id,
              x: roc.false_positive_rate,
              y: roc.true_positive_rate,
              area: roc.auc
            }
          ]
        : [];
    }
    return pr
      ? [{ run: each.run_id, x: pr.recall, y: pr.precision, area: pr.average_precision }]
      : [];
  });
}

/** The curves of all runs over one another. */
function Overlay(props: {
  model: CompareModel;
  items: readonly RunPredictions[];
  label: string;
  kind: 'roc' | 'pr';
}): JSX.Element {
  const { model, items, label, kind } = props;
  const trans = useTrans();
  const dark = useDark();
  useSignal(model.frontChanged);
  const { front } = model;
  const found = lines(items, kind, label);
  const key = found.map(each => `${each.run} ${model.style(each.run).colour}`).join();
  const data = React.useMemo<Partial<Data>[]>(() => {
    const drawn: Partial<Data>[] = found.map(each => ({
      type: 'scatter',
      mode: 'lines',
      x: each.x,
      y: each.y,
      customdata: each.x.map(() => each.run),
      name: `${model.label(each.run)} · ${each.area.toFixed(3)}`,
      line: {
        color: colour(model.style(each.run).colour, dark),
        width: front === each.run ? 3.5 : 2,
        shape: kind === 'pr' ? 'hv' : 'linear'
      },
      opacity: front && front !== each.run ? 0.25 : 1,
      hovertemplate: '%{x:.3f}, %{y:.3f}'
    }));
    const chance: Partial<Data> = {
      type: 'scatter',
      mode: 'lines',
      x: [0, 1],
      y: [0, 1],
      line: { color: '#888', width: 1, dash: 'dot' },
      showlegend: false,
      hoverinfo: 'skip'
    };
    return kind === 'roc' ? [chance, ...drawn] : drawn;
    // The key says which runs and colours; the rest is named.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [items, key, label, kind, front, dark, model]);
  const [across, up] =
    kind === 'roc'
      ? [trans.__('false positive rate'), trans.__('true positive rate')]
      : [trans.__('recall'), trans.__('precision')];
  const layout = React.useMemo(
    () => ({
      xaxis: { title: { text: across }, range: [-0.02, 1.02] },
      yaxis: { title: { text: up }, range: [-0.02, 1.04] },
      showlegend: true,
      legend:
        kind === 'roc' ? { x: 0.98, y: 0.04, xanchor: 'right' as const } : { x: 0.02, y: 0.04 }
    }),
    [across, up, kind]
  );
  const title = kind === 'roc' ? trans.__('ROC') : trans.__('Precision and recall');
  return (
    <PlotlyChart
      title={title}
      data={data}
      layout={layout}
      height={HEIGHT}
      words={[title, ...found.map(each => `${model.label(each.run)} ${each.area.toFixed(3)}`)].join(
        '. '
      )}
      csv={() =>
        csv([
          ['run', 'name', across, up],
          ...found.flatMap(each =>
            each.x.map((x, at) => [each.run, model.label(each.run), x, each.y[at]])
          )
        ])
      }
      code={() =>
        chartCode(
          kind,
          found.map(each => each.run),
          { label }
        )
      }
    />
  );
}

/** How often each class was taken for each, as shares of what is true. */
function Matrix(props: { model: CompareModel; run: string; confusion: Confusion }): JSX.Element {
  const { model, run, confusion } = props;
  const trans = useTrans();
  const dark = useDark();
  useSignal(model.frontChanged);
  const { labels, counts } = confusion;
  const all = counts.flat().reduce((a, b) => a + b, 0);
  const right = labels.reduce((sum, _, at) => sum + counts[at][at], 0);
  return (
    <figure
      className="lst-Confusion"
      data-front={model.front === run}
      onMouseEnter={() => model.look(run)}
      onMouseLeave={() => model.look(null)}
    >
      <figcaption>
        <i className="lst-Swatch" style={{ color: colour(model.style(run).colour, dark) }} />
        <span title={model.label(run)}>{model.label(run)}</span>
        <output>{trans.__('%1 % right', (all ? (100 * right) / all : 0).toFixed(1))}</output>
      </figcaption>
      <table aria-label={trans.__('Confusion of %1', model.label(run))}>
        <thead>
          <tr>
            <th>
              <small>{trans.__('true ↓ said →')}</small>
            </th>
            {labels.map(each => (
              <th key={each} scope="col" title={each}>
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {labels.map((each, at) => {
            const sum = counts[at].reduce((a, b) => a + b, 0);
            return (
              <tr key={each}>
                <th scope="row" title={each}>
                  {each}
                </th>
                {counts[at].map((count, to) => (
                  <td
                    key={labels[to]}
                    data-right={at === to}
                    style={{ '--lst-share': sum ? count / sum : 0 } as React.CSSProperties}
                    title={trans.__('%1 taken for %2: %3 of %4', each, labels[to], count, sum)}
                  >
                    {count}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </figure>
  );
}
