import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { ApiError } from '../../api/client';
import type { Job } from '../../api/types';
import { isActive } from '../../api/types';
import type { IServices } from '../../components/context';
import { endIcon, plugIcon, rerunIcon, stopSquareIcon, trashIcon } from '../../components/icons';
import { clock } from '../../format';
import { CommandIDs } from '../../tokens';
import { drivePath } from './drive';
import type { JobsModel } from './model';

const ID_ARGS = {
  type: 'object',
  properties: {
    id: { type: 'string', description: 'The job; the selected ones when left out.' }
  }
} as const;

/** Add what can be done with jobs that exist; returns the ids of the commands. */
export function addJobCommands(services: IServices, jobs: JobsModel): readonly string[] {
  const { api, commands, trans } = services;

  const ids = (args: ReadonlyPartialJSONObject): readonly string[] =>
    typeof args.id === 'string' ? [args.id] : jobs.targets;
  const every = (args: ReadonlyPartialJSONObject, test: (job: Job) => boolean): boolean => {
    const wanted = ids(args);
    // A job that is not in the list is known to the server only: let the server judge.
    return wanted.length > 0 && wanted.every(id => test(jobs.find(id) ?? ANY));
  };
  /** When the kernel of the one job that is meant ends. */
  const kept = (args: ReadonlyPartialJSONObject): Date | null => {
    const wanted = ids(args);
    return wanted.length === 1 ? jobs.kernels.until(wanted[0]) : null;
  };
  const attempt = async <T>(action: () => Promise<T>): Promise<T | null> => {
    try {
      return await action();
    } catch (reason) {
      Notification.error(ApiError.from(reason).message);
      return null;
    }
  };

  commands.addCommand(CommandIDs.stop, {
    label: trans.__('Stop Job'),
    caption: trans.__('Interrupt, then end the job within five seconds'),
    icon: stopSquareIcon,
    describedBy: { args: ID_ARGS },
    isEnabled: args => every(args, job => job === ANY || isActive(job)),
    execute: async args => {
      for (const id of ids(args)) {
        const job = await attempt(() => api.stopJob(id));
        if (job) {
          jobs.take(job);
        }
      }
    }
  });
  commands.addCommand(CommandIDs.rerun, {
    label: trans.__('Rerun Job'),
    caption: trans.__('Run the same snapshot again with the same parameters'),
    icon: rerunIcon,
    describedBy: { args: ID_ARGS },
    isEnabled: args => ids(args).length > 0,
    execute: async args => {
      const wanted = ids(args);
      for (const id of wanted) {
        const job = await attempt(() => api.rerunJob(id));
        if (job) {
          jobs.take(job);
          if (wanted.length === 1) {
            await commands.execute(CommandIDs.open, { id: job.id });
          }
        }
      }
    }
  });
  commands.addCommand(CommandIDs.remove, {
    label: trans.__('Delete Job…'),
    caption: trans.__('Delete the job with its log, outputs and files'),
    icon: trashIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          ...ID_ARGS.properties,
          confirmed: { type: 'boolean', description: 'Do not ask.' }
        }
      }
    },
    isEnabled: args => every(args, job => job === ANY || !isActive(job)),
    execute: async args => {
      const wanted = [...ids(args)];
      const first = jobs.find(wanted[0])?.name ?? trans.__('this job');
      const answer =
        args.confirmed === true ||
        (
          await showDialog({
            title: trans._n('Delete the job?', 'Delete %1 jobs?', wanted.length),
            body:
              wanted.length === 1
                ? trans.__(
                    '“%1” goes with its log, outputs and files. Its MLflow run stays.',
                    first
                  )
                : trans.__('They go with their logs, outputs and files. Their MLflow runs stay.'),
            buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })]
          })
        ).button.accept;
      for (const id of answer ? wanted : []) {
        await attempt(async () => {
          await api.deleteJob(id);
          jobs.drop(id);
        });
      }
    }
  });
  commands.addCommand(CommandIDs.attach, {
    label: trans.__('Attach a Console to the Job’s Kernel'),
    caption: trans.__('Look at the live variables of a failed job whose kernel was kept'),
    icon: plugIcon,
    describedBy: { args: ID_ARGS },
    isEnabled: args => ids(args).length === 1,
    isVisible: args => kept(args) !== null,
    execute: async args => {
      const [id] = ids(args);
      const kernel = await attempt(async () => {
        try {
          return await api.attachKernel(id);
        } catch (reason) {
          if (ApiError.from(reason).status === 409) {
            jobs.kernels.end(id);
          }
          throw reason;
        }
      });
      if (kernel) {
        await commands.execute('console:create', {
          name: trans.__('Job %1', jobs.find(id)?.name ?? id),
          kernelPreference: { id: kernel.kernel_id, shutdownOnDispose: false }
        });
      }
    }
  });
  commands.addCommand(CommandIDs.endKernel, {
    label: args => {
      const until = kept(args);
      return until
        ? trans.__('End the Kernel Kept Until %1', clock(until))
        : trans.__('End the Job’s Kept Kernel');
    },
    caption: trans.__('Free its memory; its variables are lost'),
    icon: endIcon,
    describedBy: { args: ID_ARGS },
    isEnabled: args => ids(args).length === 1,
    isVisible: args => kept(args) !== null,
    execute: async args => {
      const [id] = ids(args);
      await attempt(async () => {
        await api.endKernel(id);
        jobs.kernels.end(id);
      });
    }
  });
  commands.addCommand(CommandIDs.openFile, {
    label: trans.__('Open the Job’s Output'),
    caption: trans.__('Open a file that the job left; its output notebook when none is named'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          ...ID_ARGS.properties,
          attempt: { type: 'number', description: 'The newest when left out.' },
          path: { type: 'string', description: 'The output notebook when left out.' }
        }
      }
    },
    isEnabled: args => ids(args).length === 1,
    execute: async args => {
      const [id] = ids(args);
      const number = typeof args.attempt === 'number' ? args.attempt : undefined;
      await attempt(async () => {
        const files = await api.files(id, number);
        const path =
          typeof args.path === 'string'
            ? args.path
            : files.items.find(file => file.role === 'notebook')?.path;
        if (path === undefined) {
          throw new Error(trans.__('The job has no output notebook yet.'));
        }
        await commands.execute('docmanager:open', {
          path: drivePath(id, files.attempt, path),
          factory: path.endsWith('.html') ? 'HTML Viewer' : undefined
        });
      });
    }
  });
  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh the List of Jobs'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => jobs.refresh()
  });
  const { stop, rerun, remove, attach, endKernel, openFile, refresh } = CommandIDs;
  return [stop, rerun, remove, attach, endKernel, openFile, refresh];
}

/** Stands for a job that the list does not hold. */
const ANY = {} as Job;
