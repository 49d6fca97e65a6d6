import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { FileDialog } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { UUID } from '@lumino/coreutils';
import * as React from 'react';

import { ApiError } from '../../../api/client';
import type { Job } from '../../../api/types';
import { ComponentWidget } from '../../../components/context';
import { changesIcon, clockIcon, runAsJobIcon } from '../../../components/icons';
import { mainWidget } from '../../../components/main';
import { CommandIDs, IJobs, ISchedules, IServices } from '../../../tokens';
import { isSource, openPath, saved } from '../source';
import type { IDraft } from './draft';
import type { FormModel } from './model';

type FormWidget = ComponentWidget & { model: FormModel };

/** Where new work is described. */
export const form: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:jobs-form',
  description: 'Submits jobs, sweeps and schedules from a form.',
  autoStart: true,
  requires: [IServices, IJobs, ISchedules],
  optional: [IDocumentManager, ILayoutRestorer, ICommandPalette, ILauncher],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    jobs: IJobs,
    schedules: ISchedules,
    documents: IDocumentManager | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null
  ): void => {
    const { api, commands, trans } = services;
    const { shell } = app;
    const tracker = new WidgetTracker<MainAreaWidget<FormWidget>>({ namespace: 'labstudio-form' });

    const browse = async (): Promise<string | null> => {
      if (!documents) {
        return null;
      }
      const result = await FileDialog.getOpenFiles({
        manager: documents,
        title: trans.__('Choose a notebook or script'),
        filter: item => (item.type === 'directory' || isSource(item.path) ? {} : null)
      });
      return result.button.accept && result.value?.length ? result.value[0].path : null;
    };
    const announce = (made: readonly Job[]) => {
      made.forEach(job => jobs.take(job));
      if (made.length === 1) {
        void commands.execute(CommandIDs.open, { id: made[0].id });
      } else {
        void commands.execute(CommandIDs.showPanel, { section: 'jobs' });
        Notification.success(trans.__('%1 jobs were submitted.', made.length), { autoClose: 4000 });
      }
    };
    const open = async (
      fill?: (empty: IDraft, drafts: typeof import('./draft')) => IDraft,
      key: string = `labstudio:draft:${UUID.uuid4()}`
    ) => {
      const { browserZone, drafts, FormModel, formTitle, JobForm } = await import('./lazy');
      const draft = fill?.(drafts.emptyDraft(browserZone()), drafts) ?? FormModel.stored(key);
      if (!draft) {
        return undefined;
      }
      const model = new FormModel(api, trans, key, draft);
      const send = async () => {
        const made = await model.send();
        if (made && 'jobs' in made) {
          announce(made.jobs);
        } else if (made) {
          await schedules.refresh();
          schedules.current = made.schedule.id;
          await commands.execute(CommandIDs.showPanel, { section: 'schedules' });
        }
        if (made) {
          widget.dispose();
        }
      };
      const id = `lst-form-${key.slice(-8)}`;
      const content = Object.assign(
        new ComponentWidget(services, () => (
          <JobForm
            model={model}
            id={id}
            browse={browse}
            onSend={() => void send()}
            onCancel={() => widget.close()}
          />
        )),
        { model }
      );
      const widget = mainWidget(content, {
        id: `labstudio-form-${key.slice(-12)}`,
        label: formTitle(model.draft, trans),
        icon: model.draft.scheduled ? clockIcon : runAsJobIcon
      });
      widget.disposed.connect(() => {
        // Closed on purpose; a reload of the page disposes nothing.
        window.sessionStorage.removeItem(key);
        model.dispose();
      }, widget);
      void tracker.add(widget);
      shell.add(widget, 'main', { type: 'New Job' });
      return widget;
    };
    const start = async (args: ReadonlyPartialJSONObject, change: Partial<IDraft> = {}) => {
      const path = typeof args.path === 'string' ? args.path : openPath(app);
      if (path && documents) {
        await saved(app, documents, path);
      }
      return open(empty => ({ ...empty, path: path ?? '', ...change }));
    };

    const sourceArgs = {
      type: 'object',
      properties: {
        path: {
          type: 'string',
          description: 'A notebook or script; the document in front when left out.'
        },
        key: { type: 'string', description: 'A draft to go on with.' }
      }
    } as const;
    commands.addCommand(CommandIDs.submit, {
      label: args => (args.isMenu ? trans.__('Run as Job…') : trans.__('New Job…')),
      caption: trans.__('Run a notebook or script as a job'),
      icon: args => (args.isPalette ? undefined : runAsJobIcon),
      describedBy: { args: sourceArgs },
      execute: args => (typeof args.key === 'string' ? open(undefined, args.key) : start(args))
    });
    commands.addCommand(CommandIDs.createSchedule, {
      label: trans.__('New Schedule…'),
      caption: trans.__('Run a notebook or script at set times'),
      icon: clockIcon,
      describedBy: { args: sourceArgs },
      execute: args => start(args, { scheduled: true })
    });
    commands.addCommand(CommandIDs.submitNow, {
      label: trans.__('Run as Job Now'),
      caption: trans.__('Run the document as a job with its own parameters, without asking'),
      icon: runAsJobIcon,
      describedBy: { args: sourceArgs },
      isEnabled: args => typeof args.path === 'string' || openPath(app) !== null,
      execute: async args => {
        const path = typeof args.path === 'string' ? args.path : openPath(app);
        if (!path) {
          return;
        }
        try {
          if (documents) {
            await saved(app, documents, path);
          }
          announce([await api.createJob({ path })]);
        } catch (reason) {
          Notification.error(ApiError.from(reason).message);
        }
      }
    });
    commands.addCommand(CommandIDs.rerunWithChanges, {
      label: trans.__('Rerun Job with Changes…'),
      icon: changesIcon,
      describedBy: {
        args: { type: 'object', properties: { id: { type: 'string', description: 'The job.' } } }
      },
      isEnabled: args => typeof args.id === 'string' || jobs.targets.length === 1,
      execute: async args => {
        try {
          const job = await api.job(typeof args.id === 'string' ? args.id : jobs.targets[0]);
          return await open((empty, { fromJob }) => fromJob(empty, job));
        } catch (reason) {
          Notification.error(ApiError.from(reason).message);
          return undefined;
        }
      }
    });
    commands.addCommand(CommandIDs.editSchedule, {
      label: trans.__('Edit Schedule…'),
      describedBy: {
        args: {
          type: 'object',
          properties: { id: { type: 'string', description: 'The schedule.' } }
        }
      },
      isEnabled: args => typeof args.id === 'string' || schedules.current !== null,
      execute: args => {
        const schedule = schedules.find(String(args.id ?? schedules.current));
        return schedule && open((empty, { fromSchedule }) => fromSchedule(empty, schedule));
      }
    });

    void restorer?.restore(tracker, {
      command: CommandIDs.submit,
      args: widget => ({ key: widget.content.model.key }),
      name: widget => widget.content.model.key
    });
    const category = trans.__('Jobs');
    for (const command of [
      CommandIDs.submit,
      CommandIDs.submitNow,
      CommandIDs.createSchedule,
      CommandIDs.rerunWithChanges,
      CommandIDs.editSchedule
    ]) {
      palette?.addItem({ command, category, args: { isPalette: true } });
    }
    launcher?.add({ command: CommandIDs.submit, category: trans.__('Other'), rank: 20 });
  }
};
