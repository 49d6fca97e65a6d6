import * as React from 'react';

import { ApiError } from '../../../api/client';
import type { JobMetrics, ResourceSeries } from '../../../api/types';
import { Banner, Button, Empty } from '../../../components/basics';
import type { ISeries } from '../../../components/chart';
import { LineChart } from '../../../components/chart';
import { useServices, useSignal } from '../../../components/context';
import { outIcon } from '../../../components/icons';
import { bytes, duration, number } from '../../../format';
import { CommandIDs } from '../../../tokens';
import type { JobModel } from './model';

const EVERY_MS = 2_000;

/** What the code logged and what it used, over time. */
export function MetricsTab(props: { model: JobModel; visible: boolean }): JSX.Element {
  const { model, visible } = props;
  const { api, commands, trans } = useServices();
  useSignal(model.changed);
  const [metrics, setMetrics] = React.useState<JobMetrics | null>(null);
  const [resources, setResources] = React.useState<ResourceSeries | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  const attempt = model.number;
  const active = model.active;

  React.useEffect(() => {
    if (!visible || attempt === 0) {
      return;
    }
    let live = true;
    let timer = 0;
    const fetch = async () => {
      // Either may be missing without the other: no tracking server, or no sample yet.
      const [m, r] = await Promise.allSettled([
        api.metrics(model.id),
        api.resources(model.id, attempt)
      ]);
      if (!live) {
        return;
      }
      setMetrics(old => (m.status === 'fulfilled' ? m.value : old));
      setProblem(m.status === 'rejected' ? ApiError.from(m.reason).message : null);
      setResources(old => (r.status === 'fulfilled' ? r.value : old));
      if (active) {
        timer = window.setTimeout(() => void fetch(), EVERY_MS);
      }
    };
    void fetch();
    return () => {
      live = false;
      window.clearTimeout(timer);
    };
  }, [api, model.id, attempt, active, visible]);

  // The last sample may be of processes that were already gone.
  const samples = (resources?.samples ?? []).filter(sample => sample.memory_bytes > 0);
  const start = samples[0]?.t ?? 0;
  const series = (name: string, value: (index: number) => number | null | undefined): ISeries => ({
    name,
    points: samples.flatMap((sample, index) => {
      const y = value(index);
      return y === null || y === undefined ? [] : [{ x: sample.t - start, y }];
    })
  });
  const gpu = samples.some(sample => sample.gpu_percent !== null);
  const names = Object.keys(metrics?.metrics ?? {}).sort((a, b) => a.localeCompare(b));
  const runId = metrics?.run_id ?? model.job?.run_id;
  const time = (x: number) => (x < 10 ? `${Math.round(x)} s` : duration(x));
  const charts = names.map(name => {
    const points = (metrics?.metrics[name] ?? []).flatMap(point =>
      point.value === null ? [] : [{ x: point.step, y: point.value }]
    );
    return { name, points: points.sort((a, b) => a.x - b.x) };
  });
  return (
    <div className="lst-Metrics lst-Scroll">
      <h3>
        {trans.__('Metrics')}
        {runId && (
          <Button
            icon={outIcon}
            onClick={() => void commands.execute(CommandIDs.openMlflow, { runId })}
          >
            {trans.__('Open in MLflow')}
          </Button>
        )}
      </h3>
      {problem && <Banner kind="warning">{problem}</Banner>}
      {charts.length === 0 && !problem ? (
        <Empty>
          {trans.__('What the code logs with mlflow.log_metric() is drawn here as it comes.')}
        </Empty>
      ) : (
        <div className="lst-Charts">
          {charts.map(chart =>
            chart.points.length > 1 ? (
              <LineChart
                key={chart.name}
                title={chart.name}
                series={[chart]}
                formatX={x => trans.__('step %1', number(x))}
              />
            ) : (
              <div key={chart.name} className="lst-Single">
                <span>{chart.name}</span>
                <strong>{number(chart.points[0]?.y)}</strong>
              </div>
            )
          )}
        </div>
      )}
      <h3>{trans.__('Resources')}</h3>
      {samples.length < 2 ? (
        <Empty>{trans.__('CPU and memory are sampled once a second while the job runs.')}</Empty>
      ) : (
        <div className="lst-Charts">
          <LineChart
            title={trans.__('CPU')}
            series={[series('CPU', i => samples[i].cpu_percent)]}
            formatY={y => `${Math.round(y)} %`}
            formatX={time}
            zero
            area
          />
          <LineChart
            title={trans.__('Memory')}
            series={[series('memory', i => samples[i].memory_bytes)]}
            formatY={bytes}
            formatX={time}
            zero
            area
          />
          {gpu && (
            <LineChart
              title={trans.__('GPU')}
              series={[series('GPU', i => samples[i].gpu_percent)]}
              formatY={y => `${Math.round(y)} %`}
              formatX={time}
              zero
              area
            />
          )}
          {gpu && (
            <LineChart
              title={trans.__('GPU memory')}
              series={[series('GPU memory', i => samples[i].gpu_memory_bytes)]}
              formatY={bytes}
              formatX={time}
              zero
              area
            />
          )}
        </div>
      )}
    </div>
  );
}
