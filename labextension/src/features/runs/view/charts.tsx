import * as React from 'react';

import { Banner, Empty } from '../../../components/basics';
import { useSignal, useTrans } from '../../../components/context';
import { number } from '../../../format';
import { CurveChart } from '../chart/chart';
import { better } from '../chart/curves';
import { CurveData, useLive } from '../chart/data';
import type { IDrawn } from '../chart/layer';
import { dressed, Settings, useSayX, useSettings } from '../chart/settings';
import { useDark } from '../chart/theme';
import { curvesCode } from '../code';
import { colour } from '../colours';
import type { RunModel } from '../model';
import type { MetricSummary } from '../types';
import { byPrefix, isCurve } from './groups';

const SMALL = 160;
const LARGE = 420;

/** Every metric of a run as a chart, live; one of them in full size on demand. */
export function ChartsTab(props: {
  model: RunModel;
  metrics: readonly MetricSummary[];
  /** Where the settings are remembered. */
  name: string;
}): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  const [settings, change] = useSettings(props.name);
  const [large, setLarge] = React.useState<string | null>(null);
  const run = model.run!;
  const drawn = props.metrics.filter(isCurve).map(each => each.key);
  const shown = large && drawn.includes(large) ? [large] : drawn;
  const epoch = run.metric_keys.some(each => each.key === 'epoch');
  const axis = settings.axis === 'epoch' && !epoch ? 'step' : settings.axis;
  const names = shown.join('\n');
  const data = React.useMemo(
    () => new CurveData(model.runs, [model.id], names ? names.split('\n') : [], axis),
    [model, names, axis]
  );
  useSignal(data.changed);
  useLive(data, model);

  if (props.metrics.length === 0) {
    return (
      <Empty>
        {trans.__('What the code logs with mlflow.log_metric() is drawn here as it comes.')}
      </Empty>
    );
  }
  const groups = large
    ? [{ name: '', items: props.metrics.filter(each => each.key === large) }]
    : byPrefix(props.metrics);
  return (
    <div className="lst-RunCharts lst-Scroll">
      {drawn.length > 0 && (
        <Settings settings={{ ...settings, axis }} onChange={change} epoch={epoch} />
      )}
      {data.error && <Banner kind="error">{data.error.message}</Banner>}
      {groups.map(group => (
        <section key={group.name} aria-label={group.name || trans.__('Metrics')}>
          {group.name && <h3>{group.name}</h3>}
          <div className="lst-RunCharts-grid" data-large={large !== null || undefined}>
            {group.items.map(each =>
              isCurve(each) ? (
                <Chart
                  key={each.key}
                  metric={each.key}
                  data={data}
                  settings={{ ...settings, axis }}
                  large={large === each.key}
                  onSize={() => setLarge(large === each.key ? null : each.key)}
                />
              ) : (
                <div key={each.key} className="lst-Single">
                  <span title={each.key}>{each.key}</span>
                  <strong>{number(each.last)}</strong>
                </div>
              )
            )}
          </div>
        </section>
      ))}
    </div>
  );
}

function Chart(props: {
  metric: string;
  data: CurveData;
  settings: ReturnType<typeof useSettings>[0];
  large: boolean;
  onSize: () => void;
}): JSX.Element {
  const { metric, data, settings, large } = props;
  const dark = useDark();
  const tick = useSignal(data.changed);
  const sayX = useSayX(settings.axis);
  const [run] = data.runs;
  const curves = React.useMemo<IDrawn[]>(() => {
    const curve = data.get(run, metric);
    if (!curve) {
      return [];
    }
    const span = (curve.x.at(-1) ?? 0) - curve.x[0];
    const shape = dressed(curve, settings, better(metric), span);
    return [{ id: run, label: metric, colour: colour(0, dark), dash: [], x: curve.x, ...shape }];
    // The data changes in place: its ticks stand for it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [data, tick, run, metric, settings.smoothing, settings.best, settings.axis, dark]);
  return (
    <CurveChart
      title={metric}
      metric={metric}
      axis={settings.axis}
      curves={curves}
      sayX={sayX}
      xLog={settings.xLog}
      yLog={settings.yLog}
      height={large ? LARGE : SMALL}
      large={large}
      onSize={props.onSize}
      onRange={large ? range => void data.look(range) : undefined}
      code={() => curvesCode([run], metric, settings)}
    />
  );
}
