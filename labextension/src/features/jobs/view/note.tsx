import * as React from 'react';

import { Banner, Button, Empty } from '../../../components/basics';
import { useServices, useSignal } from '../../../components/context';
import { CommandIDs } from '../../../tokens';
import type { JobModel } from './model';

interface INoteProps {
  model: JobModel;
  problem: string | null;
  onReveal: () => void;
}

/** Above the notebook: its error, or why there is none to see. */
export function NotebookNote(props: INoteProps): JSX.Element {
  return <Note {...props} />;
}

function Note(props: INoteProps): JSX.Element | null {
  const { model } = props;
  const { commands, trans } = useServices();
  useSignal(model.changed);
  const error = model.attempt?.error;
  const kept = model.attempt?.kernel_kept_until;
  const alive = !!kept && Date.parse(kept) > Date.now();
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
              {alive && (
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
