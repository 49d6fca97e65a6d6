import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';

import { jobsIcon } from '../../components/icons';
import { CommandIDs, IJobs, ISchedules, IServices, IStudioStatus } from '../../tokens';
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
  requires: [IServices],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, services: IServices, palette: ICommandPalette | null): IJobs => {
    const jobs = new JobsModel(services.api, services.events);
    const category = services.trans.__('Jobs');
    const added = addJobCommands(services, jobs);
    const notify = () => added.forEach(command => app.commands.notifyCommandChanged(command));
    jobs.changed.connect(notify, jobs);
    jobs.kernels.changed.connect(notify, jobs);
    added.forEach(command => palette?.addItem({ command, category }));
    return jobs;
  }
};

/** The sidebar. */
export const panel: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:jobs-panel',
  description: 'Shows jobs and schedules in the left sidebar.',
  autoStart: true,
  requires: [IServices, IJobs, ISchedules, IStudioStatus],
  optional: [ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    jobs: IJobs,
    schedules: ISchedules,
    status: IStudioStatus,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ): void => {
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
  requires: [IServices],
  activate: (app: JupyterFrontEnd, services: IServices): void => {
    const { api, trans } = services;
    app.serviceManager.contents.addDrive(new JobsDrive(api, trans));
  }
};
