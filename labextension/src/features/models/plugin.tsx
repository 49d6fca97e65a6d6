import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';

import { modelIcon } from '../../components/nouns';
import { CommandIDs, IModels, IServices, IStudioStatus } from '../../tokens';
import { addModelCommands } from './commands';
import { ModelsModel } from './model';
import { ModelNotices } from './notices';
import { ModelsPanel } from './panel';
import { addModelViews } from './views';

/** Models: the sidebar, one in the main area, its card, the dashboard, and news of changes. */
export const models: JupyterFrontEndPlugin<IModels> = {
  id: 'labstudio:models',
  description: 'Shows registered models, their versions, approvals and cards.',
  autoStart: true,
  provides: IModels,
  requires: [IServices, IStudioStatus],
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    status: IStudioStatus,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ): IModels => {
    const { commands, trans } = services;
    const model = new ModelsModel(services.api, services.events);
    const sidebar = new ModelsPanel(services, model, status);
    app.shell.add(sidebar, 'left', { rank: 455, type: 'Models' });
    restorer?.add(sidebar, sidebar.id);
    new ModelNotices(services);

    commands.addCommand(CommandIDs.showModels, {
      label: trans.__('Show Models'),
      icon: modelIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => app.shell.activateById(sidebar.id)
    });
    const added = [
      ...addModelViews(app, services, model, restorer),
      ...addModelCommands(services, model)
    ];
    model.changed.connect(() => added.forEach(each => commands.notifyCommandChanged(each)), model);
    for (const command of [CommandIDs.showModels, ...added]) {
      palette?.addItem({ command, category: trans.__('Models') });
    }
    return model;
  }
};
