import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { ApiError } from '../../api/client';
import type { IServices } from '../../components/context';
import {
  checkpointIcon,
  drainIcon,
  endIcon,
  playIcon,
  testIcon,
  trashIcon
} from '../../components/icons';
import { CommandIDs } from '../../tokens';
import type { ComputesModel } from './model';

export const NAME_ARGS = {
  type: 'object',
  properties: {
    name: { type: 'string', description: 'The compute; the selected one when left out.' }
  }
} as const;

/** What can be done with computes that exist; the ids of the commands that were added. */
export function addComputeCommands(services: IServices, computes: ComputesModel): string[] {
  const { api, commands, trans } = services;
  const target = (args: ReadonlyPartialJSONObject) =>
    typeof args.name === 'string' ? args.name : computes.current;
  const stateOf = (args: ReadonlyPartialJSONObject) => computes.find(target(args))?.state;
  const on =
    (action: (name: string) => Promise<unknown>) => async (args: ReadonlyPartialJSONObject) => {
      const name = target(args);
      try {
        if (name !== null) {
          await action(name);
          await computes.refresh();
        }
      } catch (reason) {
        Notification.error(ApiError.from(reason).message);
      }
    };

  commands.addCommand(CommandIDs.testCompute, {
    label: trans.__('Test Compute'),
    icon: testIcon,
    describedBy: { args: NAME_ARGS },
    isEnabled: args => target(args) !== null,
    execute: on(name => commands.execute(CommandIDs.openCompute, { name, test: true }))
  });
  commands.addCommand(CommandIDs.drainCompute, {
    label: trans.__('Drain Compute'),
    caption: trans.__('Let what runs go on, and take nothing new'),
    icon: drainIcon,
    describedBy: { args: NAME_ARGS },
    isEnabled: args => stateOf(args) === 'ready' || stateOf(args) === 'unreachable',
    execute: on(name => api.drainCompute(name, true))
  });
  const preemptible = (args: ReadonlyPartialJSONObject) =>
    computes.find(target(args))?.preemptible === true;
  commands.addCommand(CommandIDs.drainComputeNow, {
    label: trans.__('Drain Compute Now: Running Jobs Save a Checkpoint and Wait'),
    caption: trans.__('Give running jobs notice, as if the compute were taken away'),
    icon: checkpointIcon,
    describedBy: { args: NAME_ARGS },
    isVisible: preemptible,
    isEnabled: args => preemptible(args) && stateOf(args) !== 'invalid',
    execute: on(name => api.drainCompute(name, true, true))
  });
  commands.addCommand(CommandIDs.undrainCompute, {
    label: trans.__('Take New Work Again'),
    icon: playIcon,
    describedBy: { args: NAME_ARGS },
    isEnabled: args => stateOf(args) === 'draining',
    execute: on(name => api.drainCompute(name, false))
  });
  commands.addCommand(CommandIDs.stopIdleKernels, {
    label: trans.__('Stop Idle Kernels of Compute'),
    icon: endIcon,
    describedBy: { args: NAME_ARGS },
    isEnabled: args => (computes.find(target(args))?.kernels ?? 0) > 0,
    execute: on(async name => {
      const stopped = (await api.stopIdleKernels(name)).items.length;
      Notification.info(
        stopped
          ? trans._n('%1 idle kernel was stopped.', '%1 idle kernels were stopped.', stopped)
          : trans.__('No kernel there is idle.'),
        { autoClose: 4000 }
      );
    })
  });
  commands.addCommand(CommandIDs.removeCompute, {
    label: trans.__('Remove Compute…'),
    icon: trashIcon,
    describedBy: { args: NAME_ARGS },
    isEnabled: args => !!computes.find(target(args))?.source,
    execute: on(async name => {
      const result = await showDialog({
        title: trans.__('Remove the compute?'),
        body: trans.__('“%1” is taken out of compute.toml. What it ran stays on record.', name),
        buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Remove') })]
      });
      if (result.button.accept) {
        await api.deleteCompute(name);
      }
    })
  });
  return [
    CommandIDs.testCompute,
    CommandIDs.drainCompute,
    CommandIDs.drainComputeNow,
    CommandIDs.undrainCompute,
    CommandIDs.stopIdleKernels,
    CommandIDs.removeCompute
  ];
}
