import * as React from 'react';

import { ApiError } from '../../../api/client';
import { Banner, Button, Empty } from '../../../components/basics';
import { useServices, useTrans } from '../../../components/context';
import { compareIcon, trashIcon } from '../../../components/icons';
import { IconButton } from '../../../components/basics';
import { cardIcon } from '../../../components/nouns';
import { Table } from '../../../components/table';
import { moment } from '../../../format';
import { CommandIDs } from '../../../tokens';
import type { ComparedValue, Comparison, ModelVersion } from '../types';
import { compared, valueWords } from '../words';
import type { OneModel } from './model';

/** Every version; those that are ticked are laid beside one another. */
export function VersionsTab(props: { model: OneModel }): JSX.Element {
  const { model } = props;
  const { commands, trans } = useServices();
  const versions = model.detail?.versions ?? [];
  const [ticked, setTicked] = React.useState<readonly number[]>([]);
  const known = ticked.filter(number => versions.some(each => each.version === number));
  const show = (version: ModelVersion) => {
    model.chosen = version.version;
    model.tab = 'version';
  };
  if (versions.length === 0) {
    return <Empty>{trans.__('The model has no version: all were deleted.')}</Empty>;
  }
  return (
    <div className="lst-ModelView-part">
      <div className="lst-Sideways">
        <Table
          label={trans.__('Versions')}
          items={versions}
          id={version => String(version.version)}
          columns={[
            {
              head: trans.__('Compare'),
              cell: version => (
                <input
                  type="checkbox"
                  aria-label={trans.__('Compare version %1', version.version)}
                  checked={known.includes(version.version)}
                  onChange={event =>
                    setTicked(
                      event.target.checked
                        ? [...known, version.version]
                        : known.filter(number => number !== version.version)
                    )
                  }
                />
              )
            },
            {
              head: trans.__('Version'),
              cell: version => (
                <button type="button" className="lst-Link" onClick={() => show(version)}>
                  {trans.__('Version %1', version.version)}
                </button>
              )
            },
            {
              head: trans.__('Aliases'),
              kind: 'wrap',
              cell: version => <Marks version={version} />
            },
            { head: trans.__('Registered'), cell: version => moment(version.created_at) },
            { head: trans.__('By'), cell: version => version.user ?? '–' },
            {
              head: trans.__('About'),
              kind: 'wrap',
              cell: version =>
                version.description ||
                Object.entries(version.tags)
                  .map(([key, value]) => (value ? `${key}=${value}` : key))
                  .join(' ')
            },
            {
              head: '',
              cell: version => (
                <span className="lst-Inline">
                  <IconButton
                    icon={cardIcon}
                    label={trans.__('Card of version %1', version.version)}
                    onClick={() =>
                      void commands.execute(CommandIDs.openCard, {
                        model: model.name,
                        version: version.version
                      })
                    }
                  />
                  <IconButton
                    icon={trashIcon}
                    label={trans.__('Delete version %1', version.version)}
                    onClick={() =>
                      void commands.execute(CommandIDs.deleteModel, {
                        model: model.name,
                        version: version.version
                      })
                    }
                  />
                </span>
              )
            }
          ]}
        />
      </div>
      {known.length > 1 ? (
        <Compared model={model} numbers={[...known].sort((a, b) => a - b)} />
      ) : (
        versions.length > 1 && (
          <p className="lst-Quiet">
            {trans.__('Tick two or more versions to see what differs.')}{' '}
            {known.length === 0 && (
              <Button
                icon={compareIcon}
                onClick={() => setTicked(versions.slice(0, 2).map(each => each.version))}
              >
                {trans.__('Compare the newest two')}
              </Button>
            )}
          </p>
        )
      )}
    </div>
  );
}

function Marks(props: { version: ModelVersion }): JSX.Element {
  const { version } = props;
  const trans = useTrans();
  return (
    <span className="lst-Marks">
      {version.aliases.map(alias => (
        <span key={alias} className="lst-Mark" data-kind="alias">
          {alias}
        </span>
      ))}
      {(version.pending ?? []).map(alias => (
        <span key={alias} className="lst-Mark" data-kind="waits">
          {trans.__('%1: waits', alias)}
        </span>
      ))}
      {(version.unapproved ?? []).map(alias => (
        <span key={`!${alias}`} className="lst-Mark" data-kind="stale">
          {trans.__('%1: not approved', alias)}
        </span>
      ))}
    </span>
  );
}

/** Versions side by side; only what differs, unless asked for all. */
function Compared(props: { model: OneModel; numbers: readonly number[] }): JSX.Element {
  const { model } = props;
  const { trans } = useServices();
  const [found, setFound] = React.useState<Comparison | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  const [all, setAll] = React.useState(false);
  const key = props.numbers.join();
  const stamp = model.detail?.updated_at;
  React.useEffect(() => {
    let live = true;
    model.registry.compare(model.name, key.split(',').map(Number)).then(
      comparison => {
        if (live) {
          setFound(comparison);
          setProblem(null);
        }
      },
      reason => live && setProblem(ApiError.from(reason).message)
    );
    return () => {
      live = false;
    };
  }, [model, key, stamp]);
  const groups: [string, readonly ComparedValue[]][] = found
    ? [
        [trans.__('Metrics'), found.metrics],
        [trans.__('Parameters'), found.params],
        [trans.__('Facts'), found.facts],
        [trans.__('Signature'), found.signature],
        [trans.__('Tags'), found.tags],
        [trans.__('Packages'), found.dependencies]
      ]
    : [];
  const numbers = found?.versions.map(each => each.version) ?? [];
  const shown = groups
    .map(([name, rows]) => [name, compared(rows, all)] as const)
    .filter(([, rows]) => rows.length > 0);
  return (
    <section className="lst-ModelView-compare" aria-label={trans.__('Comparison')}>
      <div className="lst-Compare-bar">
        <h3>{trans.__('Side by side')}</h3>
        <label className="lst-Check">
          <input type="checkbox" checked={!all} onChange={event => setAll(!event.target.checked)} />
          {trans.__('Only what differs')}
        </label>
      </div>
      {problem && <Banner kind="error">{problem}</Banner>}
      {found && shown.length === 0 && (
        <Empty>{trans.__('These versions differ in nothing that is recorded.')}</Empty>
      )}
      {shown.length > 0 && (
        <div className="lst-Sideways">
          <table className="lst-Table lst-Compare-table" aria-label={trans.__('Comparison')}>
            <thead>
              <tr>
                <th />
                {numbers.map(number => (
                  <th key={number}>{trans.__('Version %1', number)}</th>
                ))}
              </tr>
            </thead>
            {shown.map(([name, rows]) => (
              <tbody key={name}>
                <tr className="lst-Compare-group">
                  <th colSpan={numbers.length + 1}>{name}</th>
                </tr>
                {rows.map(row => (
                  <tr key={row.key} data-differs={row.differs}>
                    <th scope="row" title={row.key}>
                      {row.key}
                    </th>
                    {numbers.map(number => {
                      const words = valueWords(row.values[String(number)]);
                      return (
                        <td key={number} title={words}>
                          {words}
                        </td>
                      );
                    })}
                  </tr>
                ))}
              </tbody>
            ))}
          </table>
        </div>
      )}
    </section>
  );
}
