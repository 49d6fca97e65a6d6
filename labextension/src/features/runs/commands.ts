import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { ApiError } from '../../api/client';
import type { IServices } from '../../components/context';
import { rerunIcon, trashIcon } from '../../components/icons';
import { CommandIDs } from '../../tokens';
import { RunsApi } from './api';
import { archiveIcon, cellIcon } from './chart/icons';
import type { EditRuns } from './types';

const RUN_ARGS = {
  type: 'object',
  properties: { run: { type: 'string', description: 'The run.' } }
} as const;
const UNDO_MS = 10_000;

/** Add what can be done with one run; returns the ids of the commands. */
export function addRunCommands(
  services: IServices,
  notebooks: INotebookTracker | null,
  current: () => string | null
): readonly string[] {
  const { api, commands, trans } = services;
  const runs = new RunsApi(api);
  const target = (args: ReadonlyPartialJSONObject) =>
    typeof args.run === 'string' ? args.run : current();
  const attempt = async <T>(action: () => Promise<T>): Promise<T | null> => {
    try {
      return await action();
    } catch (reason) {
      Notification.error(ApiError.from(reason).message);
      return null;
    }
  };
  /** Change a run, and offer to change it back. */
  const change = async (id: string, edit: Omit<EditRuns, 'ids'>, told: string) => {
    const undo = Object.fromEntries(Object.entries(edit).map(([name, value]) => [name, !value]));
    if (await attempt(() => runs.edit({ ids: [id], ...edit }))) {
      Notification.info(told, {
        autoClose: UNDO_MS,
        actions: [
          {
            label: trans.__('Undo'),
            callback: () => void attempt(() => runs.edit({ ids: [id], ...undo }))
          }
        ]
      });
    }
  };

  commands.addCommand(CommandIDs.reproduceRun, {
    label: trans.__('Reproduce Run'),
    caption: trans.__('Run it again from what was recorded of it, and report what agrees'),
    icon: rerunIcon,
    describedBy: { args: RUN_ARGS },
    isEnabled: args => target(args) !== null,
    execute: async args => {
      const job = await attempt(() => runs.reproduce(String(target(args))));
      if (job) {
        await commands.execute(CommandIDs.open, { id: job.id });
      }
    }
  });
  commands.addCommand(CommandIDs.archiveRun, {
    label: args => (args.archived === false ? trans.__('Unarchive Run') : trans.__('Archive Run')),
    icon: archiveIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          ...RUN_ARGS.properties,
          archived: { type: 'boolean', description: 'False takes it out of the archive.' }
        }
      }
    },
    isEnabled: args => target(args) !== null,
    execute: args => {
      const archived = args.archived !== false;
      const told = archived ? trans.__('The run is archived.') : trans.__('The run is back.');
      return change(String(target(args)), { archived }, told);
    }
  });
  commands.addCommand(CommandIDs.deleteRun, {
    label: trans.__('Delete Run'),
    icon: trashIcon,
    describedBy: { args: RUN_ARGS },
    isEnabled: args => target(args) !== null,
    execute: args =>
      change(String(target(args)), { deleted: true }, trans.__('The run is deleted.'))
  });
  commands.addCommand(CommandIDs.copyChart, {
    label: trans.__('Copy Chart to the Notebook'),
    icon: cellIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: { code: { type: 'string', description: 'Python that draws the chart.' } }
      }
    },
    isVisible: args => typeof args.code === 'string',
    execute: args => {
      const code = String(args.code);
      const panel = notebooks?.currentWidget;
      if (!panel?.model) {
        Clipboard.copyToSystem(code);
        Notification.info(trans.__('No notebook is open, so the code is on the clipboard.'));
        return;
      }
      NotebookActions.insertBelow(panel.content);
      panel.content.activeCell?.model.sharedModel.setSource(code);
      Notification.success(trans.__('The chart is a new cell of “%1”.', panel.title.label), {
        autoClose: 3_000
      });
    }
  });
  const { reproduceRun, archiveRun, deleteRun } = CommandIDs;
  return [reproduceRun, archiveRun, deleteRun];
}
