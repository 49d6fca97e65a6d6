import * as React from 'react';

import { Empty } from '../../../components/basics';
import { useServices, useSignal } from '../../../components/context';
import type { KeptKernels } from '../../jobs/kernels';
import { LogTab } from '../../jobs/view/log';
import { JobModel } from '../../jobs/view/model';

/** The log of the job that made a run. */
export function RunLog(props: { job: string; kernels: KeptKernels }): JSX.Element | null {
  const { api, events } = useServices();
  const { job, kernels } = props;
  const [model, setModel] = React.useState<JobModel | null>(null);
  React.useEffect(() => {
    const made = new JobModel(api, events, kernels, job);
    setModel(made);
    return () => made.dispose();
  }, [api, events, kernels, job]);
  return model && <JobLog model={model} />;
}

function JobLog(props: { model: JobModel }): JSX.Element {
  const { model } = props;
  useSignal(model.changed);
  return model.error && !model.job ? (
    <Empty>{model.error.message}</Empty>
  ) : (
    <LogTab model={model} />
  );
}
