import * as React from 'react';

import { Empty } from '../../../components/basics';
import { useServices, useSignal } from '../../../components/context';
import { useMemory } from '../../../components/memory';
import { number } from '../../../format';
import { CommandIDs } from '../../../tokens';
import { useDark } from '../chart/theme';
import { colour } from '../colours';
import { StatusIcon } from '../status';
import type { CompareModel } from './model';
import type { ISection } from './rows';
import { differs, sections } from './rows';

/** Everything that is known of the runs; only what differs, unless asked for all. */
export function TableTab(props: { model: CompareModel }): JSX.Element {
  const { model } = props;
  const { commands, trans } = useServices();
  const dark = useDark();
  useSignal(model.changed);
  useSignal(model.chosen);
  useSignal(model.frontChanged);
  const [all, setAll] = useMemory<'all' | 'differing'>('compare-rows', 'differing');
  const [needle, setNeedle] = React.useState('');
  const ids = model.visible;
  const wanted = needle.trim().toLowerCase();
  const shown = sections(model.comparison!)
    .map(section => ({
      ...section,
      rows: section.rows.filter(
        row =>
          (all === 'all' || differs(row, ids)) &&
          (!wanted || row.key.toLowerCase().includes(wanted))
      )
    }))
    .filter(section => section.rows.length > 0);
  const words: Record<ISection['name'], string> = {
    params: trans.__('Parameters'),
    metrics: trans.__('Last metrics'),
    tags: trans.__('Tags'),
    environment: trans.__('Environment'),
    data: trans.__('Data'),
    hardware: trans.__('Hardware')
  };
  const missing = new Map<string, string[]>();
  for (const run of model.comparison!.runs.filter(each => ids.includes(each.id))) {
    for (const message of run.missing) {
      missing.set(message, [...(missing.get(message) ?? []), model.label(run.id)]);
    }
  }
  return (
    <div className="lst-CompareTable lst-Scroll">
      <div className="lst-Settings">
        <label className="lst-Check">
          <input
            type="checkbox"
            checked={all === 'differing'}
            onChange={event => setAll(event.target.checked ? 'differing' : 'all')}
          />
          {trans.__('Only what differs')}
        </label>
        <input
          type="search"
          value={needle}
          placeholder={trans.__('Find a row')}
          aria-label={trans.__('Find a row')}
          onChange={event => setNeedle(event.target.value)}
        />
      </div>
      {shown.length === 0 ? (
        <Empty>
          {wanted
            ? trans.__('No row has this in its name.')
            : trans.__('These runs differ in nothing that was recorded.')}
        </Empty>
      ) : (
        <table className="lst-Table lst-Compare-table" aria-label={trans.__('Runs side by side')}>
          <thead>
            <tr>
              <th />
              {ids.map(id => (
                <th key={id} data-front={model.front === id} onMouseEnter={() => model.look(id)}>
                  <span className="lst-Inline">
                    <i
                      className="lst-Swatch"
                      style={{ color: colour(model.style(id).colour, dark) }}
                    />
                    <StatusIcon status={model.run(id)?.status ?? ''} />
                    <button
                      type="button"
                      className="lst-Link"
                      title={model.label(id)}
                      onClick={() => void commands.execute(CommandIDs.openRun, { run: id })}
                    >
                      {model.label(id)}
                    </button>
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          {shown.map(section => (
            <tbody key={section.name}>
              <tr className="lst-Compare-group">
                <th colSpan={ids.length + 1}>
                  <span>{words[section.name]}</span>
                </th>
              </tr>
              {section.rows.map(row => (
                <tr key={row.key} data-differs={differs(row, ids)}>
                  <th scope="row" title={row.key}>
                    {row.key}
                  </th>
                  {ids.map(id => {
                    const value = row.values[id];
                    return (
                      <td
                        key={id}
                        data-front={model.front === id}
                        title={row.notes?.[id] ?? (value === undefined ? '' : String(value))}
                      >
                        {value === undefined || value === null
                          ? '–'
                          : typeof value === 'number'
                            ? number(value)
                            : value}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      )}
      {[...missing].map(([message, labels]) => (
        <p key={message} className="lst-Quiet" title={labels.join(', ')}>
          {labels.length === ids.length
            ? trans._n('Of this run:', 'Of all %1 runs:', ids.length)
            : labels.length > 4
              ? trans.__('Of %1 runs:', labels.length)
              : trans.__('Of %1:', labels.join(', '))}{' '}
          {message}
        </p>
      ))}
    </div>
  );
}
