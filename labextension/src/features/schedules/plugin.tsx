import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import { historyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ComponentWidget } from '../../components/context';
import { makeServices } from '../../services';
import { CommandIDs, IApi, ISchedules, IStudioEvents } from '../../tokens';
import { addScheduleCommands } from './commands';
import { SchedulesModel } from './model';

type HistoryWidget = ComponentWidget & { scheduleId: string };

/** Schedules: their list, commands and history. */
export const schedules: JupyterFrontEndPlugin<ISchedules> = {
  id: 'labstudio:schedules',
  description: 'Keeps the list of schedules, and shows what became of each run.',
  autoStart: true,
  provides: ISchedules,
  requires: [IApi, IStudioEvents],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    api: IApi,
    events: IStudioEvents,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ): ISchedules => {
    const services = makeServices(app, api, events, translator);
    const { trans } = services;
    const model = new SchedulesModel(api, events);
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
        const widget = new MainAreaWidget({ content });
        widget.id = `labstudio-schedule-${id}`;
        widget.toolbar.hide();
        widget.title.label = model.find(id)?.name ?? trans.__('Schedule');
        widget.title.icon = historyIcon;
        widget.title.closable = true;
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
