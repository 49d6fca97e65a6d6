import * as React from 'react';

import { useServices } from '../../../components/context';
import { Table } from '../../../components/table';
import { moment, number } from '../../../format';
import { CommandIDs } from '../../../tokens';
import { StateIcon } from '../../../components/state';
import type { Reproduction } from '../types';

const STATES = {
  pending: 'running',
  agrees: 'succeeded',
  differs: 'interrupted',
  failed: 'failed'
} as const;

/** What came of making a run again, cell by cell and metric by metric. */
export function ReproductionsTab(props: { reproductions: readonly Reproduction[] }): JSX.Element {
  return (
    <div className="lst-Reproductions lst-Scroll">
      {props.reproductions.map((each, index) => (
        <Report
          key={each.new_run_id ?? each.job_id ?? each.created_at}
          report={each}
          open={index === 0}
        />
      ))}
    </div>
  );
}

function Report(props: { report: Reproduction; open: boolean }): JSX.Element {
  const { report } = props;
  const { commands, trans } = useServices();
  const run = report.new_run_id;
  return (
    <details className="lst-Reproduction" open={props.open}>
      <summary>
        <StateIcon state={STATES[report.verdict]} />
        <strong>{report.message}</strong>
        <span className="lst-Quiet">
          {moment(report.created_at)} · {report.compute}
        </span>
      </summary>
      <p className="lst-Reproduction-links">
        {run && (
          <>
            <button
              type="button"
              className="lst-Link"
              onClick={() => void commands.execute(CommandIDs.openRun, { run })}
            >
              {trans.__('Open the new run')}
            </button>
            <button
              type="button"
              className="lst-Link"
              onClick={() =>
                void commands.execute(CommandIDs.compareRuns, { runs: [report.run_id, run] })
              }
            >
              {trans.__('Compare them')}
            </button>
          </>
        )}
        {report.job_id && (
          <button
            type="button"
            className="lst-Link"
            onClick={() => void commands.execute(CommandIDs.open, { id: report.job_id })}
          >
            {trans.__('Open its job')}
          </button>
        )}
      </p>
      {report.reasons.length > 0 && (
        <section>
          <h3>{trans.__('Why')}</h3>
          <ul>
            {report.reasons.map(reason => (
              <li key={reason.message}>{reason.message}</li>
            ))}
          </ul>
        </section>
      )}
      <Checks report={report} />
    </details>
  );
}

function Checks(props: { report: Reproduction }): JSX.Element {
  const { report } = props;
  const { trans } = useServices();
  const agrees = (each: { agrees: boolean }) => (
    <span className="lst-Inline">
      <StateIcon state={each.agrees ? 'succeeded' : 'interrupted'} />
      {each.agrees ? trans.__('agrees') : trans.__('differs')}
    </span>
  );
  const head = trans.__('Outcome');
  return (
    <>
      {report.metrics.length > 0 && (
        <section>
          <h3>{trans.__('Metrics')}</h3>
          <Table
            label={trans.__('Metrics')}
            items={report.metrics}
            id={each => each.key}
            columns={[
              { head, cell: agrees },
              { head: trans.__('Metric'), cell: each => each.key, kind: 'wrap' },
              { head: trans.__('Then'), cell: each => number(each.then), kind: 'number' },
              { head: trans.__('Now'), cell: each => number(each.now), kind: 'number' },
              {
                head: trans.__('Difference'),
                cell: each => (each.agrees ? '' : number(each.difference)),
                kind: 'number'
              }
            ]}
          />
        </section>
      )}
      {report.cells.length > 0 && (
        <section>
          <h3>{trans.__('Cells')}</h3>
          <Table
            label={trans.__('Cells')}
            items={report.cells}
            id={each => String(each.index)}
            columns={[
              { head, cell: agrees },
              { head: trans.__('Cell'), cell: each => <code>{each.source}</code>, kind: 'wrap' },
              { head: trans.__('Then'), cell: each => output(each.then), kind: 'wrap' },
              { head: trans.__('Now'), cell: each => output(each.now), kind: 'wrap' }
            ]}
          />
        </section>
      )}
      {report.data.length > 0 && (
        <section>
          <h3>{trans.__('Data')}</h3>
          <Table
            label={trans.__('Data')}
            items={report.data}
            id={each => each.name}
            columns={[
              { head, cell: agrees },
              { head: trans.__('Name'), cell: each => each.path ?? each.name, kind: 'wrap' },
              { head: trans.__('Then'), cell: each => <code>{each.then.slice(0, 10)}</code> },
              {
                head: trans.__('Now'),
                cell: each =>
                  each.now ? <code>{each.now.slice(0, 10)}</code> : trans.__('not there')
              }
            ]}
          />
        </section>
      )}
    </>
  );
}

function output(text: string | null): JSX.Element | null {
  return text === null ? null : <pre className="lst-Reproduction-output">{text}</pre>;
}
