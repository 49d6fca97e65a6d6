import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { addIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ComponentWidget } from '../../components/context';
import { chartIcon, computeIcon } from '../../components/icons';
import { mainWidget } from '../../components/main';
import { CommandIDs, IComputes, IServices, IStudioStatus } from '../../tokens';
import { addComputeCommands, NAME_ARGS } from './commands';
import { ComputeModel, ComputesModel } from './model';
import { ComputePanel } from './panel';

type ComputeWidget = ComponentWidget & { model: ComputeModel };

/** Computes: the sidebar, one in the main area, a new one, and what all of them cost. */
export const computes: JupyterFrontEndPlugin<IComputes> = {
  id: 'labstudio:compute',
  description: 'Shows the places where jobs run, what runs and waits there, and what it costs.',
  autoStart: true,
  provides: IComputes,
  requires: [IServices, IStudioStatus],
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    status: IStudioStatus,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ): IComputes => {
    const { commands, trans } = services;
    const { shell } = app;
    const model = new ComputesModel(services.api, services.events);
    const sidebar = new ComputePanel(services, model, status);
    shell.add(sidebar, 'left', { rank: 460, type: 'Compute' });
    restorer?.add(sidebar, sidebar.id);
    const added = addComputeCommands(services, model);
    model.changed.connect(() => added.forEach(each => commands.notifyCommandChanged(each)), model);

    commands.addCommand(CommandIDs.showCompute, {
      label: trans.__('Show Compute'),
      icon: computeIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => shell.activateById(sidebar.id)
    });
    const tracker = new WidgetTracker<MainAreaWidget<ComputeWidget>>({
      namespace: 'labstudio-compute'
    });
    commands.addCommand(CommandIDs.openCompute, {
      label: trans.__('Open Compute'),
      icon: computeIcon,
      describedBy: {
        args: {
          ...NAME_ARGS,
          properties: {
            ...NAME_ARGS.properties,
            test: { type: 'boolean', description: 'Test it too.' }
          }
        }
      },
      isEnabled: args => typeof args.name === 'string' || model.current !== null,
      execute: async args => {
        const name = typeof args.name === 'string' ? args.name : String(model.current);
        let widget = tracker.find(each => each.content.model.name === name);
        if (!widget) {
          const { ComputeView } = await import('./lazy');
          const one = new ComputeModel(services.api, services.events, name);
          const content = Object.assign(
            new ComponentWidget(services, () => <ComputeView model={one} />),
            { model: one }
          );
          widget = mainWidget(content, {
            id: `labstudio-compute-${name}`,
            label: name,
            icon: computeIcon
          });
          widget.disposed.connect(() => one.dispose(), widget);
          void tracker.add(widget);
          shell.add(widget, 'main', { type: 'Compute' });
        }
        shell.activateById(widget.id);
        if (args.test === true) {
          void widget.content.model.test();
        }
        return widget;
      }
    });
    const once = (
      id: string,
      label: string,
      icon: typeof addIcon,
      view: (close: () => void) => Promise<() => JSX.Element>
    ) => {
      const tracked = new WidgetTracker<MainAreaWidget<ComponentWidget>>({ namespace: id });
      commands.addCommand(id, {
        label,
        icon,
        describedBy: { args: { type: 'object', properties: {} } },
        execute: async () => {
          let widget = tracked.currentWidget;
          if (!widget) {
            const element = await view(() => widget?.dispose());
            widget = mainWidget(new ComponentWidget(services, element), {
              id: id.replace(/:/g, '-'),
              label: label.replace('…', ''),
              icon
            });
            void tracked.add(widget);
            shell.add(widget, 'main', { type: 'Compute' });
          }
          shell.activateById(widget.id);
          return widget;
        }
      });
      void restorer?.restore(tracked, { command: id, name: () => id });
    };
    once(CommandIDs.addCompute, trans.__('Add Compute…'), addIcon, async close => {
      const { AddCompute } = await import('./lazy');
      return () => (
        <AddCompute
          onCancel={close}
          onAdded={compute => {
            close();
            model.current = compute.name;
            void model.refresh();
            void commands.execute(CommandIDs.testCompute, { name: compute.name });
          }}
        />
      );
    });
    once(CommandIDs.showUsage, trans.__('Usage and Costs'), chartIcon, async () => {
      const { UsageView } = await import('./lazy');
      return () => <UsageView />;
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openCompute,
      args: widget => ({ name: widget.content.model.name }),
      name: widget => widget.content.model.name
    });
    const category = trans.__('Compute');
    for (const command of [
      CommandIDs.showCompute,
      CommandIDs.openCompute,
      CommandIDs.addCompute,
      ...added,
      CommandIDs.showUsage
    ]) {
      palette?.addItem({ command, category });
    }
    return model;
  }
};
