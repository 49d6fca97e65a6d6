import * as React from 'react';

import { Button, Facts } from '../../../components/basics';
import { useServices, useTrans } from '../../../components/context';
import { outIcon } from '../../../components/icons';
import { Table } from '../../../components/table';
import { duration, moment, number, secondsBetween } from '../../../format';
import { CommandIDs } from '../../../tokens';
import type { RunModel } from '../model';
import { StatusIcon } from '../status';
import type { RunDetail, RunLink } from '../types';
import { Note } from './note';
import { Origin } from './origin';
import { Tags } from './tags';

/** What a run is: its note, numbers, data, models and where it came from. */
export function OverviewTab(props: {
  model: RunModel;
  run: RunDetail;
  onArtifact: (path: string) => void;
}): JSX.Element {
  const { model, run } = props;
  const { commands, trans } = useServices();
  const params = Object.entries(run.params).sort(([a], [b]) => a.localeCompare(b));
  const open = (id: string) => void commands.execute(CommandIDs.openRun, { run: id });
  return (
    <div className="lst-Overview lst-Scroll">
      <section data-wide>
        <Note model={model} text={run.note ?? ''} />
      </section>
      <section data-wide={run.metric_keys.length > 0 || undefined}>
        <h3>{trans.__('Metrics')}</h3>
        {run.metric_keys.length ? (
          <Table
            label={trans.__('Metrics')}
            items={run.metric_keys}
            id={each => each.key}
            columns={[
              { head: trans.__('Metric'), cell: each => each.key, kind: 'wrap' },
              { head: trans.__('Last'), cell: each => number(each.last), kind: 'number' },
              { head: trans.__('Lowest'), cell: each => number(each.low), kind: 'number' },
              { head: trans.__('Highest'), cell: each => number(each.high), kind: 'number' },
              { head: trans.__('Step'), cell: each => String(each.step), kind: 'number' },
              { head: trans.__('Values'), cell: each => each.count ?? '–', kind: 'number' }
            ]}
          />
        ) : (
          <p className="lst-Quiet">{trans.__('None was logged.')}</p>
        )}
      </section>
      <section>
        <h3>{trans.__('Parameters')}</h3>
        {params.length ? (
          <Facts items={params.map(([name, value]) => [name, <code key={name}>{value}</code>])} />
        ) : (
          <p className="lst-Quiet">{trans.__('None was logged.')}</p>
        )}
      </section>
      <section>
        <h3>{trans.__('Run')}</h3>
        <Facts
          items={[
            [trans.__('Started'), moment(run.started_at)],
            [trans.__('Ended'), moment(run.ended_at)],
            [trans.__('Time'), duration(secondsBetween(run.started_at, run.ended_at))],
            [trans.__('User'), run.user],
            [trans.__('Workspace'), run.workspace],
            [trans.__('Id'), <code key="id">{run.id}</code>],
            [
              trans.__('Job'),
              run.job_id && (
                <Button
                  icon={outIcon}
                  onClick={() => void commands.execute(CommandIDs.open, { id: run.job_id })}
                >
                  {run.job_id.slice(-8)}
                </Button>
              )
            ],
            [trans.__('Part of'), run.parent && <Link run={run.parent} onOpen={open} />],
            [
              trans.__('Parts'),
              run.children.length > 0 && (
                <details open={run.children.length < 6}>
                  <summary>{trans._n('%1 run', '%1 runs', run.children.length)}</summary>
                  {run.children.map(each => (
                    <div key={each.id}>
                      <Link run={each} onOpen={open} />
                    </div>
                  ))}
                </details>
              )
            ]
          ]}
        />
      </section>
      <section>
        <Tags model={model} tags={run.tags} />
      </section>
      <Inputs run={run} />
      <Models run={run} onArtifact={props.onArtifact} />
      <Origin model={model} run={run} onArtifact={props.onArtifact} />
    </div>
  );
}

function Link(props: { run: RunLink; onOpen: (id: string) => void }): JSX.Element {
  return (
    <span className="lst-Inline">
      <StatusIcon status={props.run.status} />
      <button type="button" className="lst-Link" onClick={() => props.onOpen(props.run.id)}>
        {props.run.name}
      </button>
    </span>
  );
}

function Inputs(props: { run: RunDetail }): JSX.Element | null {
  const { run } = props;
  const { commands, trans } = useServices();
  if (run.datasets.length === 0) {
    return null;
  }
  const lineage = commands.hasCommand(CommandIDs.openLineage);
  return (
    <section data-wide>
      <h3>{trans.__('Data')}</h3>
      <Table
        label={trans.__('Data')}
        items={run.datasets}
        id={each => `${each.name} ${each.digest} ${each.context}`}
        columns={[
          {
            head: trans.__('Name'),
            kind: 'wrap',
            cell: each =>
              lineage && each.sha256 ? (
                <button
                  type="button"
                  className="lst-Link"
                  title={trans.__('What was made of it')}
                  onClick={() =>
                    void commands.execute(CommandIDs.openLineage, {
                      object: `data:${each.sha256}`
                    })
                  }
                >
                  {each.name}
                </button>
              ) : (
                each.name
              )
          },
          { head: trans.__('For'), cell: each => each.context ?? '' },
          {
            head: trans.__('Rows'),
            kind: 'number',
            cell: each => each.rows?.toLocaleString() ?? ''
          },
          { head: trans.__('Columns'), kind: 'number', cell: each => each.columns ?? '' },
          {
            head: trans.__('Content'),
            cell: each => <code title={each.sha256 ?? each.digest}>{each.digest.slice(0, 10)}</code>
          },
          { head: trans.__('From'), kind: 'wrap', cell: each => each.uri ?? each.source_type }
        ]}
      />
    </section>
  );
}

function Models(props: { run: RunDetail; onArtifact: (path: string) => void }): JSX.Element | null {
  const { run } = props;
  const { commands } = useServices();
  const trans = useTrans();
  if (run.models.length === 0) {
    return null;
  }
  return (
    <section data-wide>
      <h3>{trans.__('Models')}</h3>
      <Table
        label={trans.__('Models')}
        items={run.models}
        id={each => each.model_id ?? each.name}
        columns={[
          {
            head: trans.__('Name'),
            kind: 'wrap',
            cell: each =>
              each.path ? (
                <button
                  type="button"
                  className="lst-Link"
                  onClick={() => props.onArtifact(each.path!)}
                >
                  {each.name}
                </button>
              ) : (
                each.name
              )
          },
          { head: trans.__('Flavours'), kind: 'wrap', cell: each => each.flavors.join(', ') },
          {
            head: trans.__('Registered as'),
            kind: 'wrap',
            cell: each =>
              each.registered.map(version => (
                <button
                  key={`${version.model}/${version.version}`}
                  type="button"
                  className="lst-Link"
                  onClick={() => void commands.execute(CommandIDs.openModel, { ...version })}
                >
                  {version.model} {version.version}
                </button>
              ))
          }
        ]}
      />
    </section>
  );
}
