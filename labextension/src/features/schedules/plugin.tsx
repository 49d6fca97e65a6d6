import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { historyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ComponentWidget } from '../../components/context';
import { mainWidget } from '../../components/main';
import { CommandIDs, ISchedules, IServices } from '../../tokens';
import { addScheduleCommands } from './commands';
import { SchedulesModel } from './model';

type HistoryWidget = ComponentWidget & { scheduleId: string };

/** Schedules: their list, commands and history. */
export const schedules: JupyterFrontEndPlugin<ISchedules> = {
  id: 'labstudio:schedules',
  description: 'Keeps the list of schedules, and shows what became of each run.',
  autoStart: true,
  provides: ISchedules,
  requires: [IServices],
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ): ISchedules => {
    const { trans } = services;
    const model = new SchedulesModel(services.api, services.events);
    const tracker = new WidgetTracker<MainAreaWidget<HistoryWidget>>({
      namespace: 'labstudio-schedules'
    });
    addScheduleCommands(services, model);
    app.commands.addCommand(CommandIDs.scheduleHistory, {
      label: trans.__('Show Schedule History'),
      icon: historyIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: { id: { type: 'string', description: 'The schedule.' } }
        }
      },
      isEnabled: args => typeof args.id === 'string' || model.current !== null,
      execute: async args => {
        const { ScheduleHistory } = await import('./history');
        const id = typeof args.id === 'string' ? args.id : String(model.current);
        const known = tracker.find(widget => widget.content.scheduleId === id);
        if (known) {
          app.shell.activateById(known.id);
          return known;
        }
        const content = Object.assign(
          new ComponentWidget(services, () => <ScheduleHistory model={model} id={id} />),
          { scheduleId: id }
        );
        const widget = mainWidget(content, {
          id: `labstudio-schedule-${id}`,
          label: model.find(id)?.name ?? trans.__('Schedule'),
          icon: historyIcon
        });
        void tracker.add(widget);
        app.shell.add(widget, 'main', { type: 'Schedule' });
        return widget;
      }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.scheduleHistory,
      args: widget => ({ id: widget.content.scheduleId }),
      name: widget => widget.content.scheduleId
    });
    const category = trans.__('Jobs');
    for (const command of [
      CommandIDs.runSchedule,
      CommandIDs.pauseSchedule,
      CommandIDs.resumeSchedule,
      CommandIDs.deleteSchedule,
      CommandIDs.scheduleHistory
    ]) {
      palette?.addItem({ command, category });
    }
    return model;
  }
};
