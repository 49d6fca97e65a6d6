import * as React from 'react';

import type { Attempt, JobDetail, Provenance } from '../../../api/types';
import { Traceback } from '../../../components/ansi';
import { Button, Facts } from '../../../components/basics';
import { useServices, useSignal } from '../../../components/context';
import { outIcon } from '../../../components/icons';
import { kindWord, StateIcon, stateWord } from '../../../components/state';
import { bytes, duration, moment, oneLine, secondsBetween } from '../../../format';
import { CommandIDs } from '../../../tokens';
import type { JobModel } from './model';

/** What the job is: parameters, spec, where its code came from, and each attempt. */
export function OverviewTab(props: { model: JobModel }): JSX.Element | null {
  const { model } = props;
  const { commands, trans } = useServices();
  useSignal(model.changed);
  const job = model.job;
  if (!job) {
    return null;
  }
  const open = (id: string) => (
    <button
      type="button"
      className="lst-Link"
      onClick={() => void commands.execute(CommandIDs.open, { id })}
    >
      {trans.__('Open')}
    </button>
  );
  const parameters = Object.entries(job.parameters);
  const error = job.error_detail;
  return (
    <div className="lst-Overview lst-Scroll">
      {error?.traceback && (
        <section data-wide>
          <h3>{trans.__('Error')}</h3>
          <Traceback text={error.traceback} />
        </section>
      )}
      <section>
        <h3>{trans.__('Parameters')}</h3>
        {parameters.length ? (
          <Facts
            items={parameters.map(([name, value]) => [
              name,
              <code key={name} title={oneLine(value, 2000)}>
                {typeof value === 'string' ? value : oneLine(value)}
              </code>
            ])}
          />
        ) : (
          <p className="lst-Quiet">{trans.__('None: the source’s own values.')}</p>
        )}
      </section>
      <section>
        <h3>{trans.__('Job')}</h3>
        <Facts
          items={[
            [trans.__('Kind'), kindWord(job.kind, trans)],
            [trans.__('Source'), job.path && <code>{job.path}</code>],
            [trans.__('Submitted'), moment(job.created_at)],
            [trans.__('Started'), moment(job.started_at)],
            [trans.__('Ended'), moment(job.ended_at)],
            [trans.__('Compute'), job.compute],
            [trans.__('User'), job.user],
            [trans.__('Id'), <code key="id">{job.id}</code>],
            [trans.__('Rerun of'), job.rerun_of && open(job.rerun_of)],
            [
              trans.__('MLflow run'),
              job.run_id && (
                <Button
                  icon={outIcon}
                  onClick={() =>
                    void commands.execute(CommandIDs.openMlflow, { runId: job.run_id })
                  }
                >
                  {job.run_id.slice(0, 8)}
                </Button>
              )
            ]
          ]}
        />
      </section>
      <Attempts job={job} />
      <Spec job={job} />
      {job.provenance && <Code job={job} provenance={job.provenance} />}
    </div>
  );
}

function Attempts(props: { job: JobDetail }): JSX.Element | null {
  const { job } = props;
  const { trans } = useServices();
  if (job.attempts.length === 0) {
    return null;
  }
  return (
    <section data-wide>
      <h3>{trans.__('Attempts')}</h3>
      <table className="lst-Table">
        <thead>
          <tr>
            <th data-number>#</th>
            <th>{trans.__('State')}</th>
            <th>{trans.__('Started')}</th>
            <th data-number>{trans.__('Time')}</th>
          </tr>
        </thead>
        <tbody>
          {job.attempts.map(attempt => (
            <React.Fragment key={attempt.number}>
              <tr data-more={why(attempt) !== ''}>
                <td data-number>{attempt.number}</td>
                <td>
                  <span className="lst-Inline">
                    <StateIcon state={attempt.state} /> {stateWord(attempt.state, trans)}
                  </span>
                </td>
                <td>{moment(attempt.started_at)}</td>
                <td data-number>
                  {duration(secondsBetween(attempt.started_at, attempt.ended_at))}
                </td>
              </tr>
              {why(attempt) && (
                <tr>
                  <td />
                  <td className="lst-Wrap lst-Quiet" colSpan={3}>
                    {why(attempt)}
                  </td>
                </tr>
              )}
            </React.Fragment>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Why an attempt ended as it did; an error that its cause repeats is told once. */
function why(attempt: Attempt): string {
  const { cause, error } = attempt;
  const told = error ? `${error.type}: ${error.message}` : '';
  return cause?.includes(told) ? cause : [cause, told].filter(Boolean).join(' · ');
}

function Spec(props: { job: JobDetail }): JSX.Element {
  const { spec, snapshot } = props.job;
  const { trans } = useServices();
  const files = snapshot?.files ?? [];
  const environment = spec.environment;
  return (
    <section>
      <h3>{trans.__('What was asked for')}</h3>
      <Facts
        items={[
          [trans.__('Requirements'), (environment?.requirements ?? []).join(', ')],
          [trans.__('Requirements file'), environment?.requirements_file],
          [trans.__('Interpreter'), environment?.python],
          [trans.__('Kernel'), spec.kernel_name],
          [trans.__('Outputs'), (spec.outputs ?? []).join(', ')],
          [trans.__('Time limit'), spec.timeout_s ? duration(spec.timeout_s) : null],
          [trans.__('Retries'), spec.retries ? String(spec.retries) : null],
          [trans.__('Priority'), spec.priority ? String(spec.priority) : null],
          [
            trans.__('Keep a failed kernel'),
            spec.keep_kernel_s ? duration(spec.keep_kernel_s) : null
          ],
          [trans.__('Experiment'), spec.experiment],
          [
            trans.__('Automatic logging'),
            spec.autolog === false ? trans.__('off') : trans.__('on')
          ],
          [
            trans.__('Files taken along'),
            files.length > 1 && (
              <details>
                <summary>{trans._n('%1 file', '%1 files', files.length)}</summary>
                <ul className="lst-Files">
                  {files.map(file => (
                    <li key={file.path}>
                      <code>{file.path}</code> {bytes(file.size_bytes)}
                    </li>
                  ))}
                </ul>
              </details>
            )
          ]
        ]}
      />
    </section>
  );
}

function Code(props: { job: JobDetail; provenance: Provenance }): JSX.Element {
  const { provenance } = props;
  const { trans } = useServices();
  const packages = Object.entries(provenance.packages ?? {}).sort(([a], [b]) => a.localeCompare(b));
  return (
    <section>
      <h3>{trans.__('Where it came from')}</h3>
      <Facts
        items={[
          [
            trans.__('Git commit'),
            provenance.git_commit && (
              <>
                <code title={provenance.git_commit}>{provenance.git_commit.slice(0, 10)}</code>{' '}
                {provenance.git_branch}{' '}
                {provenance.git_dirty && <em>{trans.__('with changes not committed')}</em>}
              </>
            )
          ],
          [trans.__('Remote'), provenance.git_remote],
          [trans.__('Python'), provenance.python_version],
          [trans.__('Platform'), provenance.platform],
          [
            trans.__('Packages'),
            packages.length > 0 && (
              <details>
                <summary>{trans._n('%1 package', '%1 packages', packages.length)}</summary>
                <ul className="lst-Files">
                  {packages.map(([name, version]) => (
                    <li key={name}>
                      <code>
                        {name}=={version}
                      </code>
                    </li>
                  ))}
                </ul>
              </details>
            )
          ]
        ]}
      />
    </section>
  );
}
