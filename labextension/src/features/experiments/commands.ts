import type { LabIcon } from '@jupyterlab/ui-components';
import { downloadIcon, undoIcon } from '@jupyterlab/ui-components';

import type { IServices } from '../../components/context';
import {
  archiveIcon,
  columnsIcon,
  compareIcon,
  starIcon,
  tagIcon,
  trashIcon
} from '../../components/icons';
import { CommandIDs } from '../../tokens';
import type { TableActions } from './actions';
import { Selection } from './selection';

interface IDeed {
  id: string;
  label: string;
  icon?: LabIcon;
  /** How many runs it needs. */
  runs?: number;
  act: (actions: TableActions) => unknown;
}

/** Add what can be done in the run table that was last in front; returns the ids of the commands. */
export function addTableCommands(
  services: IServices,
  current: () => TableActions | null
): readonly string[] {
  const { commands, trans } = services;
  const deeds: readonly IDeed[] = [
    {
      id: CommandIDs.compareSelected,
      label: trans.__('Compare the Selected Runs'),
      icon: compareIcon,
      runs: 2,
      act: actions => actions.compare()
    },
    {
      id: CommandIDs.favouriteRuns,
      label: trans.__('Favourite the Selected Runs, or Not'),
      icon: starIcon,
      runs: 1,
      act: actions => actions.favourite()
    },
    {
      id: CommandIDs.tagRuns,
      label: trans.__('Tag the Selected Runs…'),
      icon: tagIcon,
      runs: 1,
      act: actions => actions.show('tags')
    },
    {
      id: CommandIDs.archiveRuns,
      label: trans.__('Archive the Selected Runs, or Take Them out of There'),
      icon: archiveIcon,
      runs: 1,
      act: actions => actions.archive()
    },
    {
      id: CommandIDs.deleteRuns,
      label: trans.__('Delete the Selected Runs, or Restore Them'),
      icon: trashIcon,
      runs: 1,
      act: actions => actions.remove()
    },
    {
      id: CommandIDs.undoRuns,
      label: trans.__('Undo What Was Done with Runs'),
      icon: undoIcon,
      act: actions => actions.undo()
    },
    {
      id: CommandIDs.selectAllRuns,
      label: trans.__('Select All Runs of the Table'),
      act: actions => {
        actions.model.selection = Selection.every;
      }
    },
    {
      id: CommandIDs.chooseColumns,
      label: trans.__('Choose the Columns of the Run Table…'),
      icon: columnsIcon,
      act: actions => actions.show('columns')
    },
    {
      id: CommandIDs.exportRuns,
      label: trans.__('Export the Run Table as CSV'),
      icon: downloadIcon,
      act: actions => actions.exportCsv()
    },
    {
      id: CommandIDs.refreshRuns,
      label: trans.__('Refresh the Run Table'),
      act: actions => actions.model.refresh()
    }
  ];
  for (const deed of deeds) {
    commands.addCommand(deed.id, {
      label: deed.label,
      icon: deed.icon,
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => {
        const actions = current();
        return actions !== null && actions.count >= (deed.runs ?? 0);
      },
      execute: async () => {
        const actions = current();
        if (actions) {
          await deed.act(actions);
        }
      }
    });
  }
  return deeds.map(deed => deed.id);
}
