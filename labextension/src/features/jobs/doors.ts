import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ToolbarButton } from '@jupyterlab/ui-components';
import type * as React from 'react';

import { runAsJobIcon } from '../../components/icons';
import { CommandIDs, IServices } from '../../tokens';
import { isSource } from './source';

const submitFile = 'labstudio-jobs:submit-file';

/** The ways from a document to a job. */
export const doors: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:jobs-doors',
  description: 'Runs notebooks and scripts as jobs from their toolbar and menus.',
  autoStart: true,
  requires: [IServices],
  optional: [IToolbarWidgetRegistry, IFileBrowserFactory],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    toolbars: IToolbarWidgetRegistry | null,
    browsers: IFileBrowserFactory | null
  ): void => {
    const { commands, trans } = services;
    toolbars?.addFactory<NotebookPanel>('Notebook', 'labstudio-run-as-job', panel => {
      const button = new ToolbarButton({
        icon: runAsJobIcon,
        tooltip: trans.__('Run as job (Shift: at once, with its own parameters)'),
        onClick: (event?: React.SyntheticEvent) => {
          const shift = (event?.nativeEvent as MouseEvent | undefined)?.shiftKey === true;
          const path = app.serviceManager.contents.localPath(panel.context.path);
          void commands.execute(shift ? CommandIDs.submitNow : CommandIDs.submit, { path });
        }
      });
      button.addClass('lst-RunAsJob');
      return button;
    });

    const chosen = (): string | null => {
      const items = [...(browsers?.tracker.currentWidget?.selectedItems() ?? [])];
      return items.length === 1 && isSource(items[0].path) ? items[0].path : null;
    };
    commands.addCommand(submitFile, {
      label: trans.__('Run as Job…'),
      icon: runAsJobIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      isVisible: () => chosen() !== null,
      isEnabled: () => chosen() !== null,
      execute: () => {
        const path = chosen();
        return path === null
          ? undefined
          : commands.execute(CommandIDs.submit, {
              path: app.serviceManager.contents.localPath(path)
            });
      }
    });
  }
};
