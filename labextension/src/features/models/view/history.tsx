import * as React from 'react';

import { Empty } from '../../../components/basics';
import { useTrans } from '../../../components/context';
import { Table } from '../../../components/table';
import { moment } from '../../../format';
import type { OneModel } from './model';

/** What happened to the model, newest first. */
export function HistoryTab(props: { model: OneModel }): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  if (model.history.length === 0) {
    return <Empty>{trans.__('Changes of the model from now on are listed here.')}</Empty>;
  }
  return (
    <div className="lst-ModelView-part">
      <Table
        label={trans.__('History of the model')}
        items={model.history}
        id={event => event.id}
        columns={[
          { head: trans.__('When'), cell: event => moment(event.at) },
          { head: trans.__('What'), kind: 'wrap', cell: event => event.message },
          { head: trans.__('Who'), cell: event => event.user ?? '–' }
        ]}
      />
    </div>
  );
}
