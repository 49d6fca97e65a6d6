import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { ApiError } from '../../api/client';
import type { IServices } from '../../components/context';
import { clockIcon, pauseIcon, playIcon, trashIcon } from '../../components/icons';
import { CommandIDs } from '../../tokens';
import type { SchedulesModel } from './model';

const ID_ARGS = {
  type: 'object',
  properties: {
    id: { type: 'string', description: 'The schedule; the selected one when left out.' }
  }
} as const;

/** What can be done with schedules that exist. */
export function addScheduleCommands(services: IServices, schedules: SchedulesModel): void {
  const { api, commands, trans } = services;
  const target = (args: ReadonlyPartialJSONObject) =>
    typeof args.id === 'string' ? args.id : schedules.current;
  const isPaused = (args: ReadonlyPartialJSONObject) =>
    schedules.find(target(args) ?? '')?.paused === true;
  const on =
    <T>(action: (id: string) => Promise<T>) =>
    async (args: ReadonlyPartialJSONObject): Promise<T | null> => {
      const id = target(args);
      try {
        const result = id === null ? null : await action(id);
        await schedules.refresh();
        return result;
      } catch (reason) {
        Notification.error(ApiError.from(reason).message);
        return null;
      }
    };

  commands.addCommand(CommandIDs.runSchedule, {
    label: trans.__('Run Schedule Now'),
    icon: playIcon,
    describedBy: { args: ID_ARGS },
    isEnabled: args => target(args) !== null,
    execute: on(async id => {
      const job = await api.runSchedule(id);
      await commands.execute(CommandIDs.open, { id: job.id });
    })
  });
  commands.addCommand(CommandIDs.pauseSchedule, {
    label: trans.__('Pause Schedule'),
    icon: pauseIcon,
    describedBy: { args: ID_ARGS },
    isEnabled: args => target(args) !== null && !isPaused(args),
    execute: on(id => api.pauseSchedule(id))
  });
  commands.addCommand(CommandIDs.resumeSchedule, {
    label: trans.__('Resume Schedule'),
    icon: clockIcon,
    describedBy: { args: ID_ARGS },
    isEnabled: args => target(args) !== null && isPaused(args),
    execute: on(id => api.resumeSchedule(id))
  });
  commands.addCommand(CommandIDs.deleteSchedule, {
    label: trans.__('Delete Schedule…'),
    icon: trashIcon,
    describedBy: { args: ID_ARGS },
    isEnabled: args => target(args) !== null,
    execute: on(async id => {
      const name = schedules.find(id)?.name ?? trans.__('this schedule');
      const result = await showDialog({
        title: trans.__('Delete the schedule?'),
        body: trans.__('“%1” will run no more. The jobs that it made stay.', name),
        buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })]
      });
      if (result.button.accept) {
        await api.deleteSchedule(id);
      }
    })
  });
}
