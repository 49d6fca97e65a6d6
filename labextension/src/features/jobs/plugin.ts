import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { jobsIcon } from '../../components/icons';
import { makeServices } from '../../services';
import { CommandIDs, IApi, IJobs, ISchedules, IStudioEvents, IStudioStatus } from '../../tokens';
import { addJobCommands } from './commands';
import { JobsDrive } from './drive';
import { JobsModel } from './model';
import { JobsPanel } from './panel';

/** The list of jobs, for whoever shows it. */
export const model: JupyterFrontEndPlugin<IJobs> = {
  id: 'labstudio:jobs',
  description: 'Keeps the list of jobs, and the commands on them.',
  autoStart: true,
  provides: IJobs,
  requires: [IApi, IStudioEvents],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    api: IApi,
    events: IStudioEvents,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): IJobs => {
    const services = makeServices(app, api, events, translator);
    const jobs = new JobsModel(api, events);
    addJobCommands(services, jobs);
    jobs.changed.connect(() => app.commands.notifyCommandChanged(), jobs);
    const category = services.trans.__('Jobs');
    for (const command of [
      CommandIDs.stop,
      CommandIDs.rerun,
      CommandIDs.remove,
      CommandIDs.attach,
      CommandIDs.openFile,
      CommandIDs.refresh
    ]) {
      palette?.addItem({ command, category });
    }
    return jobs;
  }
};

/** The sidebar. */
export const panel: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:jobs-panel',
  description: 'Shows jobs and schedules in the left sidebar.',
  autoStart: true,
  requires: [IApi, IStudioEvents, IJobs, ISchedules, IStudioStatus],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    api: IApi,
    events: IStudioEvents,
    jobs: IJobs,
    schedules: ISchedules,
    status: IStudioStatus,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ): void => {
    const services = makeServices(app, api, events, translator);
    const { trans } = services;
    const sidebar = new JobsPanel(services, { jobs, schedules, status });
    app.shell.add(sidebar, 'left', { rank: 450, type: 'Jobs' });
    restorer?.add(sidebar, sidebar.id);
    app.commands.addCommand(CommandIDs.showPanel, {
      label: args =>
        args.section === 'schedules' ? trans.__('Show Schedules') : trans.__('Show Jobs'),
      icon: jobsIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: { section: { type: 'string', description: 'jobs or schedules' } }
        }
      },
      execute: args => {
        if (typeof args.section === 'string') {
          sidebar.section = args.section;
        }
        app.shell.activateById(sidebar.id);
      }
    });
    const category = trans.__('Jobs');
    palette?.addItem({ command: CommandIDs.showPanel, category, args: { section: 'jobs' } });
    palette?.addItem({ command: CommandIDs.showPanel, category, args: { section: 'schedules' } });
    labShell?.activeChanged.connect((_, change) => {
      // With the panel in front, commands are about what is selected in it.
      if (change.newValue === sidebar) {
        jobs.viewed = null;
      }
    }, sidebar);
  }
};

/** The files that jobs leave, for every viewer. */
export const drive: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:jobs-drive',
  description: 'Lets JupyterLab’s own viewers open the files that jobs leave.',
  autoStart: true,
  requires: [IApi],
  activate: (app: JupyterFrontEnd, api: IApi): void => {
    app.serviceManager.contents.addDrive(new JobsDrive(api));
  }
};
