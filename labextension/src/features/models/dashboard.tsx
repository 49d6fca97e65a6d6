import { refreshIcon, searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Banner, Button, Empty, IconButton } from '../../components/basics';
import { useServices, useSignal } from '../../components/context';
import { When } from '../../components/state';
import { number } from '../../format';
import { CommandIDs } from '../../tokens';
import { cardWord, riskWord } from './card/words';
import type { DashboardModel } from './model';
import type { DashboardItem } from './types';
import type { Key } from './words';
import { matching, sorted } from './words';

const METRICS = 3;

interface IColumn {
  key: Key;
  head: string;
  cell: (item: DashboardItem) => React.ReactNode;
}

/** Every model: what is in use, how its card stands, how it was evaluated, where it runs. */
export function DashboardView(props: { model: DashboardModel }): JSX.Element {
  const { model } = props;
  const { trans } = useServices();
  useSignal(model.changed);
  const [text, setText] = React.useState('');
  const [order, setOrder] = React.useState<{ key: Key; down: boolean }>({
    key: 'model',
    down: false
  });
  const columns = useColumns();
  const items = model.items ?? [];
  const shown = sorted(matching(items, text), order.key, order.down);
  return (
    <div className="lst-Dashboard lst-Scroll">
      <div className="lst-Compare-bar">
        <h2>{trans.__('Models')}</h2>
        <div className="lst-Dashboard-tools">
          <div className="lst-Filters-text">
            <searchIcon.react tag="span" elementSize="normal" />
            <input
              type="search"
              value={text}
              spellCheck={false}
              placeholder={trans.__('Filter: name, alias, risk, card')}
              aria-label={trans.__('Filter the models')}
              onChange={event => setText(event.target.value)}
            />
          </div>
          <IconButton
            icon={refreshIcon}
            label={trans.__('Refresh')}
            onClick={() => void model.refresh()}
          />
        </div>
      </div>
      {model.error && (
        <Banner
          kind="error"
          actions={<Button onClick={() => void model.refresh()}>{trans.__('Try again')}</Button>}
        >
          {model.error.message}
        </Banner>
      )}
      {model.items && items.length === 0 && (
        <Empty>
          {trans.__('No model is registered yet. Register one from the run that made it.')}
        </Empty>
      )}
      {items.length > 0 && shown.length === 0 && (
        <Empty action={<Button onClick={() => setText('')}>{trans.__('Show all models')}</Button>}>
          {trans.__('No model matches the filter.')}
        </Empty>
      )}
      {shown.length > 0 && (
        <div className="lst-Sideways">
          <table className="lst-Table" aria-label={trans.__('Model dashboard')}>
            <thead>
              <tr>
                {columns.map(({ key, head }) => {
                  const on = order.key === key;
                  return (
                    <th
                      key={key}
                      aria-sort={on ? (order.down ? 'descending' : 'ascending') : 'none'}
                    >
                      <button
                        type="button"
                        className="lst-Sort"
                        onClick={() => setOrder({ key, down: on && !order.down })}
                      >
                        {head}
                        <span aria-hidden="true">{on ? (order.down ? '▾' : '▴') : ''}</span>
                      </button>
                    </th>
                  );
                })}
              </tr>
            </thead>
            <tbody>
              {shown.map(item => (
                <tr key={item.model} data-model={item.model}>
                  {columns.map(({ key, cell }) => (
                    <td key={key} data-column={key}>
                      {cell(item)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

/** Each cell leads to what it speaks of. */
function useColumns(): readonly IColumn[] {
  const { commands, trans } = useServices();
  const link = (
    words: React.ReactNode,
    command: string,
    args: Record<string, string | number | null | undefined>
  ) => (
    <button
      type="button"
      className="lst-Link"
      onClick={() => void commands.execute(command, args as Record<string, string | number>)}
    >
      {words}
    </button>
  );
  const monitor = (state: string) => (
    <span className={state === 'not set up' ? 'lst-Quiet' : undefined}>
      {state === 'not set up' ? trans.__('not set up') : state}
    </span>
  );
  const card = (item: DashboardItem, words: React.ReactNode) =>
    item.version === null || item.version === undefined
      ? '–'
      : link(words, CommandIDs.openCard, { model: item.model, version: item.version });
  return [
    {
      key: 'model',
      head: trans.__('Model'),
      cell: item => link(item.model, CommandIDs.openModel, { model: item.model })
    },
    {
      key: 'version',
      head: trans.__('In use'),
      cell: item =>
        item.version === null || item.version === undefined ? (
          '–'
        ) : (
          <span className="lst-Marks">
            {link(trans.__('Version %1', item.version), CommandIDs.openModel, {
              model: item.model,
              version: item.version
            })}
            <span className="lst-Mark" data-kind={item.alias ? 'alias' : 'plain'}>
              {item.alias ?? trans.__('newest')}
            </span>
            {item.pending > 0 && (
              <span className="lst-Mark" data-kind="waits">
                {trans._n('%1 waits', '%1 wait', item.pending)}
              </span>
            )}
          </span>
        )
    },
    {
      key: 'card',
      head: trans.__('Card'),
      cell: item => (
        <span className="lst-Marks">
          {card(item, item.card_state ? cardWord(item.card_state, trans) : trans.__('None yet'))}
          {item.card_stale && (
            <span
              className="lst-Mark"
              data-kind="stale"
              title={item.stale_reasons?.join('\n') || undefined}
            >
              {trans.__('stale')}
            </span>
          )}
          {(item.missing ?? 0) > 0 && (
            <span className="lst-Quiet">{trans.__('%1 missing', item.missing)}</span>
          )}
        </span>
      )
    },
    {
      key: 'risk',
      head: trans.__('Risk'),
      cell: item =>
        card(
          item,
          item.risk && item.risk !== 'Unknown' ? riskWord(item.risk, trans) : trans.__('Not rated')
        )
    },
    {
      key: 'evaluation',
      head: trans.__('Last evaluation'),
      cell: item => <Evaluation item={item} link={link} />
    },
    { key: 'bias', head: trans.__('Bias'), cell: item => monitor(item.bias ?? '') },
    { key: 'drift', head: trans.__('Drift'), cell: item => monitor(item.drift ?? '') },
    {
      key: 'endpoint',
      head: trans.__('Endpoint'),
      cell: item =>
        item.endpoint ? (
          link(item.endpoint, CommandIDs.openLineage, { object: `endpoint:${item.endpoint}` })
        ) : (
          <span className="lst-Quiet">{trans.__('none')}</span>
        )
    }
  ];
}

function Evaluation(props: {
  item: DashboardItem;
  link: (
    words: React.ReactNode,
    command: string,
    args: Record<string, string | null | undefined>
  ) => JSX.Element;
}): JSX.Element {
  const { item, link } = props;
  const { trans } = useServices();
  const metrics = Object.entries(item.evaluation ?? {});
  if (!item.evaluated_at) {
    return <span className="lst-Quiet">{trans.__('never')}</span>;
  }
  const when = <When at={item.evaluated_at} />;
  return (
    <span
      className="lst-Dashboard-evaluation"
      title={metrics.map(([name, value]) => `${name}: ${number(value)}`).join('\n')}
    >
      {item.evaluation_run ? link(when, CommandIDs.openRun, { run: item.evaluation_run }) : when}
      <span className="lst-Quiet">
        {metrics
          .slice(0, METRICS)
          .map(([name, value]) => `${name} ${number(value)}`)
          .join(' · ')}
      </span>
    </span>
  );
}
