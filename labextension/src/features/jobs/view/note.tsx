import * as React from 'react';

import { Banner, Button, Empty } from '../../../components/basics';
import { useServices, useSignal } from '../../../components/context';
import { CommandIDs } from '../../../tokens';
import type { JobModel } from './model';

/** Above the notebook: its error, or why there is none to see. */
export function NotebookNote(props: {
  model: JobModel;
  problem: string | null;
  onReveal: () => void;
}): JSX.Element {
  const { model } = props;
  const { commands, trans } = useServices();
  useSignal(model.changed);
  const error = model.attempt?.error;
  return (
    <>
      {error && (
        <Banner
          kind="error"
          actions={
            <>
              {error.cell !== null && error.cell !== undefined && (
                <Button onClick={props.onReveal}>{trans.__('Show the cell')}</Button>
              )}
              {model.keptUntil && (
                <Button onClick={() => void commands.execute(CommandIDs.attach, { id: model.id })}>
                  {trans.__('Attach a console')}
                </Button>
              )}
            </>
          }
        >
          <strong>{error.type}</strong> {error.message}
        </Banner>
      )}
      {props.problem && <Empty>{props.problem}</Empty>}
    </>
  );
}
