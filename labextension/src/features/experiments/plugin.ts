import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { UUID } from '@lumino/coreutils';

import { experimentsIcon, tableIcon } from '../../components/icons';
import { mainWidget } from '../../components/main';
import { CommandIDs, IServices, IStudioStatus } from '../../tokens';
import { addTableCommands } from './commands';
import { ExperimentsModel, ViewsModel } from './lists';
import { ExperimentsPanel } from './panel';
import type { ITableState } from './state';
import { INITIAL, readState } from './state';
import type { TableWidget } from './widget';

/** Experiments: the sidebar, and run tables in the main area. */
export const experiments: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:experiments',
  description: 'Shows experiments, and their runs in tables.',
  autoStart: true,
  requires: [IServices, IStudioStatus],
  optional: [ICommandPalette, ILayoutRestorer, ILauncher],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    status: IStudioStatus,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    launcher: ILauncher | null
  ): void => {
    const { api, commands, events, trans } = services;
    const { shell } = app;
    const user = () => status.status?.user ?? '';
    const list = new ExperimentsModel(api, events);
    const views = new ViewsModel(api, events, user);
    const sidebar = new ExperimentsPanel(services, { experiments: list, views });
    shell.add(sidebar, 'left', { rank: 455, type: 'Experiments' });
    restorer?.add(sidebar, sidebar.id);
    const tracker = new WidgetTracker<MainAreaWidget<TableWidget>>({
      namespace: 'labstudio-experiments'
    });

    commands.addCommand(CommandIDs.showExperiments, {
      label: trans.__('Show Experiments'),
      icon: experimentsIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => shell.activateById(sidebar.id)
    });
    commands.addCommand(CommandIDs.openExperiment, {
      label: args => (args.isLauncher ? trans.__('Runs') : trans.__('Open Run Table')),
      caption: trans.__('Every run, to be searched, sorted, grouped and compared'),
      icon: tableIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            experiment: { type: 'string', description: 'The id of one; all when left out.' },
            filter: { type: 'string', description: 'In MLflow’s filter language.' },
            view: { type: 'string', description: 'The id of a saved view.' },
            state: { type: 'object', description: 'All that a table shows, as it was kept.' },
            key: { type: 'string', description: 'Tells tables apart.' },
            isLauncher: { type: 'boolean' }
          }
        }
      },
      execute: async args => {
        const wanted = wantedState(args, views);
        const key =
          typeof args.key === 'string'
            ? args.key
            : [args.experiment, args.filter, args.view].map(each => each ?? '').join('|');
        const known = tracker.find(each => each.content.key === key && !each.isDisposed);
        if (known) {
          shell.activateById(known.id);
          return known;
        }
        const [{ TableModel }, { TableWidget }] = await Promise.all([
          import('./model'),
          import('./widget')
        ]);
        const model = new TableModel(api, events, wanted, user);
        model.view = typeof args.view === 'string' ? args.view : null;
        const content = new TableWidget(services, model, list, views, key);
        const widget = mainWidget(content, {
          id: `labstudio-experiments-${UUID.uuid4()}`,
          label: trans.__('Runs'),
          icon: tableIcon
        });
        const name = () => {
          const names = model.state.experiments.map(id => list.name(id));
          const view = views.find(model.view);
          widget.title.label = view?.name ?? (names.join(', ') || trans.__('All runs'));
          widget.title.caption = names.join('\n');
        };
        name();
        model.stateChanged.connect(() => {
          name();
          void tracker.save(widget);
        }, widget);
        list.changed.connect(name, widget);
        views.changed.connect(name, widget);
        const notify = () => commands.notifyCommandChanged();
        model.changed.connect(() => added.forEach(id => commands.notifyCommandChanged(id)), widget);
        widget.disposed.connect(notify, widget);
        void tracker.add(widget);
        shell.add(widget, 'main', { type: 'Runs', activate: args.background !== true });
        return widget;
      }
    });
    const added = addTableCommands(services, () => tracker.currentWidget?.content.actions ?? null);

    void restorer?.restore(tracker, {
      command: CommandIDs.openExperiment,
      args: ({ content }) => ({
        key: content.key,
        view: content.model.view,
        state: content.model.state as never,
        background: true
      }),
      name: ({ content }) => content.key
    });
    const category = trans.__('Experiments');
    for (const command of [CommandIDs.showExperiments, CommandIDs.openExperiment, ...added]) {
      palette?.addItem({ command, category });
    }
    launcher?.add({
      command: CommandIDs.openExperiment,
      args: { isLauncher: true },
      category: trans.__('Other'),
      rank: 21
    });
  }
};

/** What a table that is opened so shows. */
function wantedState(args: ReadonlyPartialJSONObject, views: ViewsModel): ITableState {
  if (args.state) {
    return readState(args.state);
  }
  const view = typeof args.view === 'string' ? views.find(args.view) : undefined;
  return {
    ...(view?.state ?? INITIAL),
    ...(typeof args.experiment === 'string' && { experiments: [args.experiment] }),
    ...(typeof args.filter === 'string' && { filter: args.filter })
  };
}
