import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { compareIcon } from '../../components/icons';
import { mainWidget } from '../../components/main';
import { CommandIDs, IJobs, IServices } from '../../tokens';
import { runIcon } from './chart/icons';
import { addRunCommands } from './commands';
import type { CompareWidget } from './compare/widget';
import type { RunWidget } from './view/widget';

/** One run, and runs side by side, in the main area. */
export const runs: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:runs',
  description: 'Shows one run live in the main area, and compares any number of them.',
  autoStart: true,
  requires: [IServices, IJobs, IRenderMimeRegistry, IEditorServices],
  optional: [INotebookTracker, ILayoutRestorer, ICommandPalette, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    jobs: IJobs,
    rendermime: IRenderMimeRegistry,
    editorServices: IEditorServices,
    notebooks: INotebookTracker | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    labShell: ILabShell | null
  ): void => {
    const { commands, trans } = services;
    const { shell } = app;
    const tools = { rendermime, editorServices };
    const tracker = new WidgetTracker<MainAreaWidget<RunWidget>>({ namespace: 'labstudio-run' });
    const compared = new WidgetTracker<MainAreaWidget<CompareWidget>>({
      namespace: 'labstudio-compare-runs'
    });
    const added = addRunCommands(services, notebooks, () => {
      const current = shell.currentWidget;
      return current && tracker.has(current)
        ? (current as MainAreaWidget<RunWidget>).content.model.id
        : null;
    });

    commands.addCommand(CommandIDs.openRun, {
      label: trans.__('Open Run'),
      icon: runIcon,
      describedBy: {
        args: {
          type: 'object',
          required: ['run'],
          properties: {
            run: { type: 'string', description: 'The run.' },
            tab: { type: 'string', description: 'overview, charts, system, artifacts, log …' },
            path: { type: 'string', description: 'An artifact to show.' },
            background: { type: 'boolean', description: 'Do not bring it to the front.' }
          }
        }
      },
      isEnabled: args => typeof args.run === 'string',
      execute: async args => {
        const id = String(args.run);
        const tab = typeof args.tab === 'string' ? args.tab : undefined;
        const path = typeof args.path === 'string' ? args.path : undefined;
        const known = tracker.find(widget => widget.content.model.id === id);
        if (known) {
          known.content.open(tab ?? (path ? 'artifacts' : undefined), path);
          shell.activateById(known.id);
          return known;
        }
        const { RunModel, RunWidget } = await import('./lazy');
        const model = new RunModel(services.api, services.events, id);
        const content = new RunWidget(services, tools, jobs.kernels, model);
        content.open(tab ?? (path ? 'artifacts' : undefined), path);
        const widget = mainWidget(content, {
          id: `labstudio-run-${id}`,
          label: trans.__('Run'),
          icon: runIcon
        });
        model.changed.connect(() => {
          if (model.run) {
            widget.title.label = model.run.name;
            widget.title.caption = `${model.run.experiment} / ${model.run.name}`;
          }
        }, widget);
        content.tabChanged.connect(() => void tracker.save(widget), widget);
        void tracker.add(widget);
        shell.add(widget, 'main', { type: 'Run', activate: args.background !== true });
        return widget;
      }
    });
    commands.addCommand(CommandIDs.compareRuns, {
      label: trans.__('Compare Runs'),
      icon: compareIcon,
      describedBy: {
        args: {
          type: 'object',
          required: ['runs'],
          properties: {
            runs: { type: 'array', items: { type: 'string' }, description: 'Two or more runs.' },
            tab: {
              type: 'string',
              description: 'table, curves, parameters, predictions or code'
            },
            background: { type: 'boolean', description: 'Do not bring it to the front.' }
          }
        }
      },
      isEnabled: args => Array.isArray(args.runs) && args.runs.length > 0,
      execute: async args => {
        const ids = (Array.isArray(args.runs) ? args.runs : []).map(String);
        const name = [...ids].sort().join('-');
        const known = compared.find(widget => widget.content.model.name === name);
        const tab = typeof args.tab === 'string' ? args.tab : undefined;
        if (known) {
          known.content.showTab(tab);
          shell.activateById(known.id);
          return known;
        }
        const { CompareModel, CompareWidget } = await import('./lazy');
        const model = new CompareModel(services.api, services.events, ids);
        const content = new CompareWidget(services, tools, model);
        content.showTab(tab);
        const widget = mainWidget(content, {
          id: `labstudio-compare-runs-${name}`,
          label: trans.__('Compare %1 runs', ids.length),
          icon: compareIcon
        });
        content.tabChanged.connect(() => void compared.save(widget), widget);
        model.chosen.connect(() => {
          widget.title.label = trans.__('Compare %1 runs', model.ids.length);
          void compared.save(widget);
        }, widget);
        void compared.add(widget);
        shell.add(widget, 'main', { type: 'Compare Runs', activate: args.background !== true });
        return widget;
      }
    });

    labShell?.currentChanged.connect(
      () => added.forEach(each => commands.notifyCommandChanged(each)),
      tracker
    );
    void restorer?.restore(tracker, {
      command: CommandIDs.openRun,
      args: widget => ({
        run: widget.content.model.id,
        tab: widget.content.tab,
        background: true
      }),
      name: widget => widget.content.model.id
    });
    void restorer?.restore(compared, {
      command: CommandIDs.compareRuns,
      args: widget => ({
        runs: [...widget.content.model.ids],
        tab: widget.content.tab,
        background: true
      }),
      name: widget => widget.content.model.name
    });
    const category = trans.__('Experiments');
    added.forEach(command => palette?.addItem({ command, category }));
  }
};
