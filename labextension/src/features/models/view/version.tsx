import * as React from 'react';

import { Banner, Facts } from '../../../components/basics';
import { useServices, useTrans } from '../../../components/context';
import { bytes, moment, number, oneLine } from '../../../format';
import { CommandIDs } from '../../../tokens';
import type { Column, SourceRun, VersionDetail } from '../types';
import { columnWords, isSystem } from '../words';
import { Editable } from './editable';
import type { OneModel } from './model';
import { Tags } from './tags';

const TEXT_LIMIT = 5000;

/** What the model is for, and all that is known of one version. */
export function VersionTab(props: { model: OneModel }): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  const { detail, version } = model;
  return (
    <div className="lst-Overview lst-ModelVersion">
      <Editable
        label={trans.__('What the model is for')}
        text={detail?.description ?? ''}
        empty={trans.__('Nobody has said it yet.')}
        limit={TEXT_LIMIT}
        onSave={description => model.act(() => model.registry.update(model.name, { description }))}
      />
      {version && (
        <Editable
          key={version.version}
          label={trans.__('About version %1', version.version)}
          text={version.description}
          empty={trans.__('What is special about it? Nobody has said it yet.')}
          limit={TEXT_LIMIT}
          onSave={description =>
            model.act(() =>
              model.registry.updateVersion(model.name, version.version, { description })
            )
          }
        />
      )}
      {model.versionError && (
        <section data-wide>
          <Banner kind="error">{model.versionError}</Banner>
        </section>
      )}
      {version && <VersionParts model={model} version={version} />}
    </div>
  );
}

function VersionParts(props: { model: OneModel; version: VersionDetail }): JSX.Element {
  const { model, version } = props;
  const trans = useTrans();
  const params = Object.entries(version.params ?? {});
  // What the machine did is told with the run.
  const metrics = Object.entries(version.metrics ?? {}).filter(([name]) => !isSystem(name));
  return (
    <>
      {version.unread && (
        <section data-wide>
          <Banner kind="warning">{version.unread}</Banner>
        </section>
      )}
      <section>
        <h3>{trans.__('Version %1', version.version)}</h3>
        <Facts
          items={[
            [trans.__('Aliases'), version.aliases.join(', ')],
            [trans.__('Not approved'), version.unapproved?.join(', ')],
            [trans.__('Registered'), moment(version.created_at)],
            [trans.__('By'), version.user],
            [trans.__('State'), version.status !== 'READY' && version.status],
            [trans.__('Flavours'), version.flavors?.join(', ')],
            [trans.__('Size'), bytes(version.size_bytes)],
            [trans.__('Python'), version.python_version],
            [trans.__('MLflow'), version.mlflow_version],
            [
              trans.__('Load it with'),
              <code key="uri">{`models:/${model.name}/${version.version}`}</code>
            ]
          ]}
        />
        <h4>{trans.__('Tags')}</h4>
        <Tags
          tags={version.tags}
          onChange={tags =>
            model.act(() => model.registry.updateVersion(model.name, version.version, { tags }))
          }
        />
      </section>
      <Run run={version.run ?? null} />
      <section>
        <h3>{trans.__('Metrics')}</h3>
        {metrics.length ? (
          <Facts items={metrics.map(([name, value]) => [name, number(value)])} />
        ) : (
          <p className="lst-Quiet">{trans.__('Its run logged none.')}</p>
        )}
      </section>
      <section>
        <h3>{trans.__('Parameters')}</h3>
        {params.length ? (
          <Facts
            items={params.map(([name, value]) => [
              name,
              <code key={name} title={value}>
                {oneLine(value)}
              </code>
            ])}
          />
        ) : (
          <p className="lst-Quiet">{trans.__('Its run logged none.')}</p>
        )}
      </section>
      <SignatureParts version={version} />
      {(version.dependencies ?? []).length > 0 && (
        <section data-wide>
          <details>
            <summary>
              {trans._n('%1 package', '%1 packages', version.dependencies?.length ?? 0)}
            </summary>
            <pre className="lst-Text">{version.dependencies?.join('\n')}</pre>
          </details>
        </section>
      )}
    </>
  );
}

function Run(props: { run: SourceRun | null }): JSX.Element {
  const { run } = props;
  const { commands, trans } = useServices();
  const link = (label: string, command: string, args: Record<string, string>) => (
    <button type="button" className="lst-Link" onClick={() => void commands.execute(command, args)}>
      {label}
    </button>
  );
  return (
    <section>
      <h3>{trans.__('Where it comes from')}</h3>
      {run ? (
        <Facts
          items={[
            [trans.__('Run'), link(run.name || run.id, CommandIDs.openRun, { run: run.id })],
            [trans.__('Experiment'), run.experiment],
            [trans.__('Deleted'), run.lifecycle === 'deleted' && trans.__('The run is deleted.')],
            [
              trans.__('Notebook'),
              run.notebook &&
                link(
                  run.cell === null || run.cell === undefined
                    ? run.notebook
                    : trans.__('%1, cell [%2]', run.notebook, run.cell),
                  'docmanager:open',
                  { path: run.notebook }
                )
            ],
            [
              trans.__('Job'),
              run.job_id && link(trans.__('Open job'), CommandIDs.open, { id: run.job_id })
            ],
            [trans.__('By'), run.user],
            [trans.__('Started'), moment(run.started_at)]
          ]}
        />
      ) : (
        <p className="lst-Quiet">{trans.__('Not known: it was registered without a run.')}</p>
      )}
    </section>
  );
}

function SignatureParts(props: { version: VersionDetail }): JSX.Element {
  const { signature, input_example: example } = props.version;
  const trans = useTrans();
  const columns = (title: string, items: readonly Column[] | undefined) =>
    items && items.length > 0 ? (
      <>
        <h4>{title}</h4>
        <ul className="lst-Columns">
          {items.map((column, index) => (
            <li key={index}>
              <code>{columnWords(column)}</code>
            </li>
          ))}
        </ul>
      </>
    ) : null;
  return (
    <>
      <section>
        <h3>{trans.__('Signature')}</h3>
        {signature ? (
          <>
            {columns(trans.__('Takes'), signature.inputs)}
            {columns(trans.__('Gives'), signature.outputs)}
            {columns(trans.__('Parameters of a call'), signature.params)}
          </>
        ) : (
          <p className="lst-Quiet">
            {trans.__('None: log the model with an input example and MLflow infers one.')}
          </p>
        )}
      </section>
      <section>
        <h3>{trans.__('Input example')}</h3>
        {example === null || example === undefined ? (
          <p className="lst-Quiet">{trans.__('None was logged with the model.')}</p>
        ) : (
          <Example value={example} />
        )}
      </section>
    </>
  );
}

interface ISplit {
  columns: unknown[];
  data: unknown[][];
}

/** A data frame as MLflow writes one is a table; anything else is shown as it stands. */
function Example(props: { value: unknown }): JSX.Element {
  const trans = useTrans();
  const { value } = props;
  const split = value as Partial<ISplit> | null;
  if (!Array.isArray(split?.columns) || !Array.isArray(split.data)) {
    return <pre className="lst-Text">{JSON.stringify(value, null, 2)}</pre>;
  }
  return (
    <div className="lst-Sideways">
      <table className="lst-Table" aria-label={trans.__('Input example')}>
        <thead>
          <tr>
            {split.columns.map((name, at) => (
              <th key={at}>{String(name)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {split.data.slice(0, 5).map((row, at) => (
            <tr key={at}>
              {row.map((cell, column) => (
                <td key={column}>{typeof cell === 'number' ? number(cell) : oneLine(cell, 40)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
