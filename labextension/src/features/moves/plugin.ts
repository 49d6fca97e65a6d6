import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ToolbarButton } from '@jupyterlab/ui-components';

import { moveIcon } from '../../components/icons';
import { CommandIDs, IServices, IStudioEvents } from '../../tokens';

/** A live notebook goes to another compute, from its toolbar and the palette. */
export const moves: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:moves',
  description: 'Moves live notebooks between computes, their variables with them.',
  autoStart: true,
  requires: [IServices, IStudioEvents, INotebookTracker],
  optional: [IToolbarWidgetRegistry, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    events: IStudioEvents,
    notebooks: INotebookTracker,
    toolbars: IToolbarWidgetRegistry | null,
    palette: ICommandPalette | null
  ): void => {
    const { api, commands, trans } = services;
    const { sessions } = app.serviceManager;
    app.commands.addCommand(CommandIDs.moveNotebook, {
      label: trans.__('Move Notebook to Compute…'),
      caption: trans.__('Change the compute of the running notebook and keep its variables'),
      icon: moveIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            to: { type: 'string', description: 'A compute, or `back`; asked for when left out.' }
          }
        }
      },
      isEnabled: () => !!notebooks.currentWidget?.sessionContext.session?.kernel,
      execute: async args => {
        const context = notebooks.currentWidget?.sessionContext;
        if (!context) {
          return;
        }
        const { NotebookMover } = await import('./move');
        const mover = new NotebookMover(api, sessions, trans);
        const to = typeof args.to === 'string' ? args.to : await mover.choose(context);
        if (to !== null) {
          await mover.move(context, to);
        }
      }
    });
    palette?.addItem({ command: CommandIDs.moveNotebook, category: trans.__('Compute') });
    toolbars?.addFactory<NotebookPanel>(
      'Notebook',
      'labstudio-move',
      () =>
        new ToolbarButton({
          icon: moveIcon,
          tooltip: trans.__('Move to another compute, with its variables'),
          onClick: () => void commands.execute(CommandIDs.moveNotebook)
        })
    );
    // A move that a cell asked for switches the session on the server: look at the sessions then.
    events.changed.connect((_, change) => {
      if (change.topic === 'moves') {
        void sessions.refreshRunning();
      }
    }, app);
  }
};
