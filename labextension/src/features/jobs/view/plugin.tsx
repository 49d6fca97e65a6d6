import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';

import { ComponentWidget } from '../../../components/context';
import { compareIcon, jobsIcon, stateIcons } from '../../../components/icons';
import { mainWidget } from '../../../components/main';
import { CommandIDs, IJobs, IServices } from '../../../tokens';
import type { JobView } from './widget';

type Comparison = ComponentWidget & { ids: readonly string[] };

/** One job, and jobs side by side, in the main area. */
export const view: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:jobs-view',
  description: 'Shows one job live in the main area, and compares several.',
  autoStart: true,
  requires: [IServices, IJobs, IRenderMimeRegistry, IEditorServices],
  optional: [ILayoutRestorer, ICommandPalette, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    jobs: IJobs,
    rendermime: IRenderMimeRegistry,
    editorServices: IEditorServices,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    labShell: ILabShell | null
  ): void => {
    const { commands, trans } = services;
    const { shell } = app;
    const tracker = new WidgetTracker<MainAreaWidget<JobView>>({ namespace: 'labstudio-jobs' });
    const compared = new WidgetTracker<MainAreaWidget<Comparison>>({
      namespace: 'labstudio-compare'
    });

    commands.addCommand(CommandIDs.open, {
      label: trans.__('Open Job'),
      icon: jobsIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            id: { type: 'string', description: 'The job; the selected one when left out.' },
            tab: { type: 'string', description: 'overview, log, notebook, metrics or files' },
            background: { type: 'boolean', description: 'Do not bring it to the front.' }
          }
        }
      },
      isEnabled: args => typeof args.id === 'string' || jobs.targets.length > 0,
      execute: async args => {
        const id = typeof args.id === 'string' ? args.id : jobs.targets[0];
        const { JobModel, JobView, TABS } = await import('./widget');
        const tab = TABS.find(each => each === args.tab);
        const known = tracker.find(widget => widget.content.model.id === id);
        if (known) {
          if (tab) {
            known.content.showTab(tab);
          }
          shell.activateById(known.id);
          return known;
        }
        const model = new JobModel(services.api, services.events, jobs.kernels, id);
        const content = new JobView(services, { rendermime, editorServices }, model, tab);
        const widget = mainWidget(content, {
          id: `labstudio-job-${id}`,
          label: jobs.find(id)?.name ?? trans.__('Job'),
          icon: jobsIcon
        });
        model.changed.connect(() => {
          const { job } = model;
          if (model.deleted) {
            widget.dispose();
          } else if (job) {
            widget.title.label = job.name;
            widget.title.caption = job.path ?? job.name;
            widget.title.icon = stateIcons[job.state];
          }
        }, widget);
        content.tabChanged.connect(() => void tracker.save(widget), widget);
        void tracker.add(widget);
        shell.add(widget, 'main', { type: 'Job', activate: args.background !== true });
        return widget;
      }
    });
    commands.addCommand(CommandIDs.compare, {
      label: trans.__('Compare Jobs'),
      icon: compareIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            ids: {
              type: 'array',
              items: { type: 'string' },
              description: 'Two or more jobs; the selected ones when left out.'
            }
          }
        }
      },
      isEnabled: args => (Array.isArray(args.ids) ? args.ids : jobs.selection).length > 1,
      execute: async args => {
        const { CompareView } = await import('../compare');
        const ids = (Array.isArray(args.ids) ? args.ids : jobs.selection).map(String);
        const known = compared.find(widget => String(widget.content.ids) === String(ids));
        if (known) {
          shell.activateById(known.id);
          return known;
        }
        const content = Object.assign(
          new ComponentWidget(services, () => <CompareView ids={ids} />),
          { ids }
        );
        const widget = mainWidget(content, {
          id: `labstudio-compare-${ids.join('-')}`,
          label: trans.__('Compare %1 jobs', ids.length),
          icon: compareIcon
        });
        void compared.add(widget);
        shell.add(widget, 'main', { type: 'Compare Jobs' });
        return widget;
      }
    });

    labShell?.currentChanged.connect((_, change) => {
      const current = change.newValue;
      jobs.viewed =
        current && tracker.has(current)
          ? (current as MainAreaWidget<JobView>).content.model.id
          : null;
      commands.notifyCommandChanged();
    }, tracker);
    void restorer?.restore(tracker, {
      command: CommandIDs.open,
      args: widget => ({ id: widget.content.model.id, tab: widget.content.tab, background: true }),
      name: widget => widget.content.model.id
    });
    void restorer?.restore(compared, {
      command: CommandIDs.compare,
      args: widget => ({ ids: [...widget.content.ids] }),
      name: widget => widget.content.ids.join()
    });
    const category = trans.__('Jobs');
    palette?.addItem({ command: CommandIDs.open, category });
    palette?.addItem({ command: CommandIDs.compare, category });
  }
};
