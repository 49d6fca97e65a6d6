import * as React from 'react';

import type { ComputeDetail, Occupant, Resources, TestReport, Waiting } from '../../api/types';
import { Banner, Button, Facts } from '../../components/basics';
import { useServices, useSignal } from '../../components/context';
import {
  checkpointIcon,
  drainIcon,
  endIcon,
  playIcon,
  testIcon,
  trashIcon
} from '../../components/icons';
import { Table } from '../../components/table';
import { ago, bytes, clock, number } from '../../format';
import { CommandIDs } from '../../tokens';
import type { ComputeModel } from './model';
import { computeState, Meter, hundredths, share, Slots } from './parts';

/** How often the machine is looked at while it is in view. */
const LOOK_MS = 5_000;

/** One compute in the main area: slots, machine, what runs there, what waits. */
export function ComputeView(props: { model: ComputeModel }): JSX.Element | null {
  const { model } = props;
  useSignal(model.changed);
  React.useEffect(() => {
    const timer = window.setInterval(() => {
      if (document.visibilityState === 'visible') {
        void model.refresh();
      }
    }, LOOK_MS);
    return () => window.clearInterval(timer);
  }, [model]);
  const { detail } = model;
  if (!detail) {
    return model.error ? <Banner kind="error">{model.error.message}</Banner> : null;
  }
  return (
    <div className="lst-ComputeView lst-Scroll">
      <Head model={model} detail={detail} />
      {model.error && <Banner kind="error">{model.error.message}</Banner>}
      {detail.message && <Banner kind="warning">{detail.message}</Banner>}
      <Report report={model.report} />
      {detail.state !== 'invalid' && (
        <>
          <div className="lst-ComputeView-columns">
            <SlotsPart detail={detail} />
            {detail.resources && <Machine resources={detail.resources} />}
          </div>
          <Occupants items={detail.occupants ?? []} />
        </>
      )}
      <Queue items={detail.waiting ?? []} />
      <Settings detail={detail} />
    </div>
  );
}

function Head(props: { model: ComputeModel; detail: ComputeDetail }): JSX.Element {
  const { detail, model } = props;
  const { commands, trans } = useServices();
  const run = (command: string) => void commands.execute(command, { name: detail.name });
  const draining = detail.state === 'draining';
  return (
    <header className="lst-ComputeView-head">
      <span className="lst-Dot" data-state={detail.state} aria-hidden="true" />
      <div className="lst-Header-title">
        <h2>{detail.name}</h2>
        <div className="lst-JobRow-more">
          <span>{detail.type}</span>
          <span>{computeState(detail, trans)}</span>
          {detail.description && <span>{detail.description}</span>}
        </div>
      </div>
      <div className="lst-ComputeView-actions">
        {detail.state !== 'invalid' && (
          <>
            <Button icon={testIcon} disabled={model.testing} onClick={() => void model.test()}>
              {model.testing ? trans.__('Testing…') : trans.__('Test')}
            </Button>
            <Button
              icon={draining ? playIcon : drainIcon}
              onClick={() => run(draining ? CommandIDs.undrainCompute : CommandIDs.drainCompute)}
            >
              {draining ? trans.__('Take new work') : trans.__('Drain')}
            </Button>
            {detail.preemptible && (
              <Button
                icon={checkpointIcon}
                title={trans.__('Drain now: running jobs save a checkpoint and wait')}
                onClick={() => run(CommandIDs.drainComputeNow)}
              >
                {trans.__('Drain now')}
              </Button>
            )}
          </>
        )}
        {detail.kernels > 0 && (
          <Button icon={endIcon} onClick={() => run(CommandIDs.stopIdleKernels)}>
            {trans.__('Stop idle kernels')}
          </Button>
        )}
        {detail.source && (
          <Button icon={trashIcon} kind="danger" onClick={() => run(CommandIDs.removeCompute)}>
            {trans.__('Remove')}
          </Button>
        )}
      </div>
    </header>
  );
}

function SlotsPart(props: { detail: ComputeDetail }): JSX.Element {
  const { detail } = props;
  const { trans } = useServices();
  return (
    <section>
      <h3>{trans.__('Given out')}</h3>
      <Slots compute={detail} />
      <Facts
        items={[
          [
            trans.__('Price'),
            detail.price_per_hour > 0 && `${hundredths(detail.price_per_hour)} / h`
          ],
          [trans.__('Spent'), detail.spent > 0 && hundredths(detail.spent)],
          [trans.__('Preemptible'), detail.preemptible && trans.__('yes')],
          [trans.__('Jobs at once'), detail.max_jobs && String(detail.max_jobs)]
        ]}
      />
    </section>
  );
}

function Machine(props: { resources: Resources }): JSX.Element {
  const { resources } = props;
  const { trans } = useServices();
  return (
    <section>
      <h3>
        {trans.__('Machine')}
        <span className="lst-Quiet"> {ago(resources.at)}</span>
      </h3>
      <div className="lst-Meters">
        <Meter
          label={trans.__('CPU')}
          value={resources.cpu_percent}
          total={100}
          text={trans.__('%1 % of %2', Math.round(resources.cpu_percent), number(resources.cpus))}
        />
        <Meter
          label={trans.__('Memory')}
          value={resources.memory_used_bytes}
          total={resources.memory_bytes}
          text={share(resources.memory_used_bytes, resources.memory_bytes, trans)}
        />
        <Meter
          label={trans.__('Disk')}
          value={resources.disk_used_bytes ?? 0}
          total={resources.disk_bytes ?? 0}
          text={share(resources.disk_used_bytes, resources.disk_bytes, trans)}
        />
        {(resources.gpus ?? []).map(gpu => (
          <Meter
            key={gpu.index}
            label={gpu.name || trans.__('GPU %1', gpu.index)}
            value={gpu.memory_used_bytes ?? 0}
            total={gpu.memory_bytes ?? 0}
            text={trans.__(
              '%1 of %2, %3 % busy',
              bytes(gpu.memory_used_bytes),
              bytes(gpu.memory_bytes),
              gpu.busy_percent === null || gpu.busy_percent === undefined
                ? '–'
                : Math.round(gpu.busy_percent)
            )}
          />
        ))}
      </div>
      {resources.platform && <p className="lst-Quiet">{resources.platform}</p>}
    </section>
  );
}

function Occupants(props: { items: readonly Occupant[] }): JSX.Element {
  const { trans } = useServices();
  return (
    <section>
      <h3>{trans.__('Here now')}</h3>
      {props.items.length === 0 ? (
        <p className="lst-Quiet">{trans.__('Nothing runs here.')}</p>
      ) : (
        <Table
          label={trans.__('Here now')}
          items={props.items}
          id={item => `${item.holder}-${item.id}`}
          columns={[
            {
              head: trans.__('Name'),
              cell: item => (item.holder === 'job' ? <JobLink job={item} /> : item.name)
            },
            {
              head: trans.__('What'),
              cell: item => (item.holder === 'job' ? trans.__('Job') : trans.__('Kernel'))
            },
            { head: trans.__('State'), cell: item => item.state },
            { head: trans.__('User'), cell: item => item.user },
            { head: trans.__('CPU'), kind: 'number', cell: item => number(item.cpus) },
            {
              head: trans.__('Memory'),
              kind: 'number',
              cell: item => (item.memory_bytes ? bytes(item.memory_bytes) : '–')
            },
            { head: trans.__('GPUs'), cell: item => (item.gpus ?? []).join(', ') || '–' },
            { head: trans.__('Since'), cell: item => ago(item.since) }
          ]}
        />
      )}
    </section>
  );
}

function Queue(props: { items: readonly Waiting[] }): JSX.Element | null {
  const { trans } = useServices();
  if (props.items.length === 0) {
    return null;
  }
  const start = (at?: string | null) => (at ? clock(new Date(at)) : trans.__('Not known yet'));
  return (
    <section>
      <h3>{trans.__('Waiting')}</h3>
      <Table
        label={trans.__('Waiting')}
        items={props.items}
        id={item => item.id}
        columns={[
          { head: trans.__('Name'), cell: item => <JobLink job={item} /> },
          { head: trans.__('User'), cell: item => item.user },
          { head: trans.__('Priority'), kind: 'number', cell: item => item.priority },
          { head: trans.__('Starts about'), cell: item => start(item.expected_at) },
          { head: trans.__('Waits for'), kind: 'wrap', cell: item => item.why }
        ]}
      />
    </section>
  );
}

function JobLink(props: { job: { id: string; name: string } }): JSX.Element {
  const { commands } = useServices();
  const { id, name } = props.job;
  return (
    <button
      type="button"
      className="lst-Link"
      onClick={() => void commands.execute(CommandIDs.open, { id })}
    >
      {name}
    </button>
  );
}

function Report(props: { report: TestReport | null }): JSX.Element | null {
  const { trans } = useServices();
  if (!props.report) {
    return null;
  }
  return (
    <section aria-label={trans.__('Test')}>
      <h3>
        {props.report.ok
          ? trans.__('All is well (%1 s)', props.report.seconds.toFixed(1))
          : trans.__('Something is in the way')}
      </h3>
      <ul className="lst-Checks">
        {props.report.checks.map((check, index) => (
          <li key={index} data-state={check.state}>
            <strong>{check.name}</strong> {check.message}
            {check.mend && <div className="lst-Quiet">{check.mend}</div>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The entry that names it, folded unless it is wrong. */
function Settings(props: { detail: ComputeDetail }): JSX.Element | null {
  const { detail } = props;
  const { trans } = useServices();
  if (!detail.source) {
    return null;
  }
  const settings = Object.entries(detail.settings ?? {});
  return (
    <details open={detail.state === 'invalid' || undefined}>
      <summary>{trans.__('Settings')}</summary>
      <Facts
        items={[
          [trans.__('Named in'), detail.source],
          ...settings.map(([name, value]): [string, React.ReactNode] => [
            name,
            <code key={name}>{typeof value === 'string' ? value : JSON.stringify(value)}</code>
          ])
        ]}
      />
    </details>
  );
}
