import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator } from '@jupyterlab/translation';
import * as React from 'react';

import { ComponentWidget } from '../../../components/context';
import { compareIcon, jobsIcon, stateIcons } from '../../../components/icons';
import { makeServices } from '../../../services';
import { CommandIDs, IApi, IJobs, IStudioEvents } from '../../../tokens';
import type { JobView } from './widget';

type Comparison = ComponentWidget & { ids: readonly string[] };

/** One job, and jobs side by side, in the main area. */
export const view: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:jobs-view',
  description: 'Shows one job live in the main area, and compares several.',
  autoStart: true,
  requires: [IApi, IStudioEvents, IJobs, IRenderMimeRegistry, IEditorServices],
  optional: [ITranslator, ILayoutRestorer, ICommandPalette, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    api: IApi,
    events: IStudioEvents,
    jobs: IJobs,
    rendermime: IRenderMimeRegistry,
    editorServices: IEditorServices,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    labShell: ILabShell | null
  ): void => {
    const services = makeServices(app, api, events, translator);
    const { trans } = services;
    const { commands, shell } = app;
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
        const { JobView, TABS } = await import('./widget');
        const tab = TABS.find(each => each === args.tab);
        const known = tracker.find(widget => widget.content.jobId === id);
        if (known) {
          if (tab) {
            known.content.showTab(tab);
          }
          shell.activateById(known.id);
          return known;
        }
        const content = new JobView(services, { rendermime, editorServices }, id, tab);
        const widget = new MainAreaWidget({ content });
        widget.id = `labstudio-job-${id}`;
        widget.addClass('lst-JobWidget');
        widget.toolbar.hide();
        widget.title.label = jobs.find(id)?.name ?? trans.__('Job');
        widget.title.icon = jobsIcon;
        widget.title.closable = true;
        content.model.changed.connect(() => {
          const job = content.model.job;
          if (job) {
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
        const content = Object.assign(
          new ComponentWidget(services, () => <CompareView ids={ids} />),
          { ids }
        );
        const widget = new MainAreaWidget({ content });
        widget.id = `labstudio-compare-${ids.join('-')}`;
        widget.toolbar.hide();
        widget.title.label = trans.__('Compare %1 jobs', ids.length);
        widget.title.icon = compareIcon;
        widget.title.closable = true;
        void compared.add(widget);
        shell.add(widget, 'main', { type: 'Compare Jobs' });
        return widget;
      }
    });

    labShell?.currentChanged.connect((_, change) => {
      const current = change.newValue;
      jobs.viewed =
        current && tracker.has(current) ? (current as MainAreaWidget<JobView>).content.jobId : null;
      commands.notifyCommandChanged();
    }, tracker);
    void restorer?.restore(tracker, {
      command: CommandIDs.open,
      args: widget => ({ id: widget.content.jobId, tab: widget.content.tab, background: true }),
      name: widget => widget.content.jobId
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
