import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { ApiError } from '../../api/client';
import type { IServices } from '../../components/context';
import { trashIcon } from '../../components/icons';
import { modelIcon } from '../../components/nouns';
import { CommandIDs } from '../../tokens';
import type { ModelsModel } from './model';

export const MODEL_ARGS = {
  type: 'object',
  properties: {
    model: { type: 'string', description: 'The model; the selected one when left out.' },
    version: { type: 'number', description: 'A version of it.' }
  }
} as const;

/** The model that a command is about. */
export function modelOf(args: ReadonlyPartialJSONObject, models: ModelsModel): string | null {
  return typeof args.model === 'string' ? args.model : models.current;
}

/** The version that a command names, as a number; it may come as text, from a name. */
export function versionOf(args: ReadonlyPartialJSONObject): number | null {
  const number = Number(args.version ?? NaN);
  return Number.isInteger(number) && number > 0 ? number : null;
}

/** What changes the registry and shows no view of its own; the ids of what was added. */
export function addModelCommands(services: IServices, models: ModelsModel): string[] {
  const { commands, trans } = services;

  commands.addCommand(CommandIDs.registerModel, {
    label: trans.__('Register a Model…'),
    caption: trans.__('Make a model that a run logged a version of a registered one'),
    icon: modelIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: { run: { type: 'string', description: 'The run that logged it.' } },
        required: ['run']
      }
    },
    isEnabled: args => typeof args.run === 'string',
    isVisible: args => typeof args.run === 'string',
    execute: async args => {
      const { askForModel } = await import('./register');
      try {
        const made = await askForModel(models.registry, trans, String(args.run));
        if (made) {
          await commands.execute(CommandIDs.openModel, {
            model: made.model,
            version: made.version
          });
          await models.refresh();
        }
        return made?.model;
      } catch (reason) {
        Notification.error(ApiError.from(reason).message);
        return undefined;
      }
    }
  });
  commands.addCommand(CommandIDs.deleteModel, {
    label: trans.__('Delete Model…'),
    caption: trans.__('Delete a registered model, or one version of it'),
    icon: trashIcon,
    describedBy: { args: MODEL_ARGS },
    isEnabled: args => modelOf(args, models) !== null,
    execute: async args => {
      const name = modelOf(args, models);
      if (name === null) {
        return;
      }
      const version = versionOf(args) ?? undefined;
      const { confirmDelete } = await import('./remove');
      try {
        const detail = await models.registry.get(name);
        if (await confirmDelete(detail, version, trans)) {
          await models.registry.remove(name, version);
          await models.refresh();
        }
      } catch (reason) {
        await showDialog({
          title: trans.__('It was not deleted'),
          body: ApiError.from(reason).message,
          buttons: [Dialog.okButton()]
        });
      }
    }
  });
  return [CommandIDs.registerModel, CommandIDs.deleteModel];
}
