import * as React from 'react';

import { Banner, Empty } from '../../../components/basics';
import { useSignal, useTrans } from '../../../components/context';
import { CurveChart } from '../chart/chart';
import { band, better, bySeed } from '../chart/curves';
import { Choose } from '../chart/choose';
import { CurveData, useLive } from '../chart/data';
import type { IDrawn } from '../chart/layer';
import type { ISettings } from '../chart/settings';
import { dressed, Settings, useSayX, useSettings } from '../chart/settings';
import { useDark } from '../chart/theme';
import { curvesCode } from '../code';
import { colour } from '../colours';
import { isCurve } from '../view/groups';
import { ValueTable } from './values';
import type { CompareModel } from './model';

const SMALL = 230;
const LARGE = 460;

/** The metrics of all runs as curves: each in a chart of its own, one in full size on demand. */
export function CurvesTab(props: { model: CompareModel }): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  useSignal(model.changed);
  const [settings, change] = useSettings('compare-curves');
  const [wanted, setWanted] = React.useState<string | null>(null);
  const metrics = model
    .comparison!.metrics.filter(each => Object.values(each.values).some(isCurve))
    .map(each => each.key);
  // What every run has alike says little beside the others.
  const telling = metrics.filter(each => each !== 'epoch' && !each.startsWith('system/'));
  const all = telling.length ? telling : metrics;
  const large = all.length === 1 && !wanted ? all[0] : wanted;
  const epoch = model.comparison!.metrics.some(each => each.key === 'epoch');
  const axis = settings.axis === 'epoch' && !epoch ? 'step' : settings.axis;
  const ids = model.ids.join();
  const names = (large ? [large] : all).join('\n');
  const data = React.useMemo(
    () => new CurveData(model.runs, ids.split(','), names ? names.split('\n') : [], axis),
    [model, ids, names, axis]
  );
  useSignal(data.changed);
  useLive(data, model);
  if (metrics.length === 0) {
    return <Empty>{trans.__('None of these runs logged a metric more than once.')}</Empty>;
  }
  return (
    <div className="lst-RunCharts lst-Scroll">
      <Settings settings={{ ...settings, axis }} onChange={change} epoch={epoch} several>
        <Choose
          label={trans.__('Metric')}
          value={large ?? ''}
          options={[
            ...(all.length > 1 ? [['', trans.__('All')] as const] : []),
            ...metrics.map(each => [each, each] as const)
          ]}
          onChange={each => setWanted(each || null)}
        />
      </Settings>
      {data.error && <Banner kind="error">{data.error.message}</Banner>}
      <div className="lst-RunCharts-grid" data-large={large !== null || undefined}>
        {(large ? [large] : all).map(metric => (
          <Chart
            key={metric}
            metric={metric}
            model={model}
            data={data}
            settings={{ ...settings, axis }}
            large={large === metric}
            onSize={all.length > 1 ? () => setWanted(large === metric ? null : metric) : undefined}
          />
        ))}
      </div>
    </div>
  );
}

function Chart(props: {
  metric: string;
  model: CompareModel;
  data: CurveData;
  settings: ISettings;
  large: boolean;
  onSize?: () => void;
}): JSX.Element {
  const { metric, model, data, settings, large } = props;
  const dark = useDark();
  const tick = useSignal(data.changed) + useSignal(model.chosen);
  useSignal(model.frontChanged);
  const sayX = useSayX(settings.axis);
  const curves = React.useMemo(
    () => drawn(model, data, metric, settings, dark),
    // Data and model change in place: their ticks stand for them.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [model, data, tick, metric, settings.smoothing, settings.best, settings.bands, dark]
  );
  return (
    <div>
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
        front={model.front}
        onFront={(id, left) => model.follow(id, left)}
        onSize={props.onSize}
        onRange={large ? range => void data.look(range) : undefined}
        code={() => curvesCode(model.visible, metric, settings)}
      />
      {large && <ValueTable curves={curves} metric={metric} />}
    </div>
  );
}

/** What is drawn for a metric: a curve for each run, or a band for runs that differ in seeds. */
function drawn(
  model: CompareModel,
  data: CurveData,
  metric: string,
  settings: ISettings,
  dark: boolean
): IDrawn[] {
  const direction = better(metric);
  const found = model.visible.flatMap(id => {
    const curve = data.get(id, metric);
    return curve ? [{ id, curve }] : [];
  });
  const ends = found.map(({ curve }) => (curve.x.at(-1) ?? 0) - curve.x[0]);
  const span = Math.max(0, ...ends);
  const look = (id: string) => {
    const { colour: index, dash } = model.style(id);
    return { colour: colour(index, dark), dash };
  };
  if (!settings.bands) {
    return found.map(({ id, curve }) => ({
      id,
      label: model.label(id),
      ...look(id),
      x: curve.x,
      ...dressed(curve, settings, direction, span)
    }));
  }
  const curves = new Map(found.map(({ id, curve }) => [id, curve]));
  const groups = bySeed(found.map(({ id }) => ({ id, params: model.params(id) })));
  return groups.map(group => {
    const made = band(group.ids.map(id => curves.get(id)!));
    const [first] = group.ids;
    return {
      id: first,
      label: `${group.label || model.label(first)} (${group.ids.length})`,
      ...look(first),
      dash: [],
      x: made.x,
      ...dressed(made, settings, direction, span)
    };
  });
}
