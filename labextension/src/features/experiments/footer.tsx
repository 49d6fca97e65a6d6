import { closeIcon, undoIcon } from '@jupyterlab/ui-components';
import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Button, IconButton } from '../../components/basics';
import { useServices } from '../../components/context';
import { archiveIcon, compareIcon, starIcon, tagIcon, trashIcon } from '../../components/icons';
import { CommandIDs } from '../../tokens';
import type { TableActions } from './actions';
import { Selection } from './selection';

/** How many runs there are, and what can be done with those selected. */
export function Footer(props: { actions: TableActions }): JSX.Element {
  const { actions } = props;
  const { model } = actions;
  const { commands, trans } = useServices();
  const total = model.results?.total ?? 0;
  const { selected } = model;
  const { done, progress } = actions.edits;
  const { exporting } = actions;
  const { lifecycle } = model.state;
  const deed = (
    icon: LabIcon,
    label: string,
    act: (element: Element) => unknown,
    disabled = false
  ) => (
    <button
      type="button"
      className="lst-Deed"
      title={label}
      aria-label={label}
      disabled={disabled}
      onClick={event => void act(event.currentTarget)}
    >
      <icon.react tag="span" elementSize="normal" />
      <span>{label}</span>
    </button>
  );
  return (
    <div className="lst-TableFoot">
      <span className="lst-TableFoot-count" role="status">
        {progress
          ? trans.__(
              'Changing %1 of %2',
              progress.done.toLocaleString(),
              progress.total.toLocaleString()
            )
          : exporting
            ? trans.__(
                'Writing %1 of %2',
                exporting.done.toLocaleString(),
                exporting.total.toLocaleString()
              )
            : selected > 0
              ? trans.__('%1 of %2 selected', selected.toLocaleString(), total.toLocaleString())
              : model.results
                ? trans
                    ._n('One run', '%1 runs', total)
                    .replace(String(total), total.toLocaleString())
                : trans.__('Loading…')}
      </span>
      {selected > 0 && (
        <div role="toolbar" aria-label={trans.__('With the selected runs')}>
          {deed(
            compareIcon,
            trans.__('Compare'),
            actions.compare,
            selected < 2 || !commands.hasCommand(CommandIDs.compareRuns)
          )}
          {deed(tagIcon, trans.__('Tag'), element => actions.show('tags', element))}
          {deed(starIcon, trans.__('Favourite'), () => actions.favourite())}
          {lifecycle !== 'deleted' &&
            deed(
              archiveIcon,
              lifecycle === 'archived' ? trans.__('Unarchive') : trans.__('Archive'),
              actions.archive
            )}
          {deed(
            trashIcon,
            lifecycle === 'deleted' ? trans.__('Restore') : trans.__('Delete'),
            actions.remove
          )}
          {selected < total && !model.selection.all && (
            <button
              type="button"
              className="lst-Link"
              onClick={() => {
                model.selection = Selection.every;
              }}
            >
              {trans.__('Select all %1', total.toLocaleString())}
            </button>
          )}
          <IconButton
            icon={closeIcon}
            label={trans.__('Select none')}
            onClick={() => {
              model.selection = Selection.none;
            }}
          />
        </div>
      )}
      <span className="lst-Fill" />
      {done && (
        <div className="lst-Done" role="status">
          <span>{done.sentence}</span>
          <Button icon={undoIcon} onClick={() => void actions.undo()}>
            {trans.__('Undo')}
          </Button>
          <IconButton icon={closeIcon} label={trans.__('Dismiss')} onClick={actions.forget} />
        </div>
      )}
    </div>
  );
}
