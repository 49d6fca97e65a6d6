import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { UUID } from '@lumino/coreutils';
import * as React from 'react';

import { ComponentWidget } from '../../components/context';
import { mainWidget } from '../../components/main';
import { lineageIcon } from '../../components/nouns';
import { CommandIDs, IServices } from '../../tokens';
import type { LineageModel } from './model';
import { shortName } from './names';

type LineageWidget = ComponentWidget & { model: LineageModel };

/** What came of what: the graph in the main area, and the doors to it. */
export const lineage: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:lineage',
  description: 'Shows what data, runs and models were made from, and what was made from them.',
  autoStart: true,
  requires: [IServices],
  optional: [ICommandPalette, ILayoutRestorer, IFileBrowserFactory],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    browsers: IFileBrowserFactory | null
  ): void => {
    const { commands, trans } = services;
    const { shell } = app;
    const tracker = new WidgetTracker<MainAreaWidget<LineageWidget>>({
      namespace: 'labstudio-lineage'
    });
    const labelled = (object: string) =>
      object ? trans.__('Lineage of %1', shortName(object)) : trans.__('Lineage');

    commands.addCommand(CommandIDs.openLineage, {
      label: trans.__('Open Lineage'),
      caption: trans.__('What an object came of, and what it led to'),
      icon: lineageIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            object: {
              type: 'string',
              description: 'As in run:ID, model:NAME/VERSION or file:PATH; sought when left out.'
            }
          }
        }
      },
      execute: async args => {
        const object = typeof args.object === 'string' ? args.object : '';
        let widget = tracker.find(each => each.content.model.object === object);
        if (!widget) {
          const { LineageModel, LineageView } = await import('./lazy');
          const model = new LineageModel(services.api, services.events, object);
          const content = Object.assign(
            new ComponentWidget(services, () => <LineageView model={model} />),
            { model }
          );
          const made = mainWidget(content, {
            id: `labstudio-lineage-${UUID.uuid4()}`,
            label: labelled(object),
            icon: lineageIcon
          });
          let shown = object;
          model.changed.connect(() => {
            made.title.label = model.find(model.middle)
              ? trans.__('Lineage of %1', model.find(model.middle)?.label)
              : labelled(model.object);
            if (shown !== model.object) {
              shown = model.object;
              void tracker.save(made);
            }
          }, made);
          made.disposed.connect(() => model.dispose(), made);
          void tracker.add(made);
          shell.add(made, 'main', { type: 'Lineage' });
          widget = made;
        }
        shell.activateById(widget.id);
        return widget;
      }
    });

    const chosen = (): string | null => {
      const items = [...(browsers?.tracker.currentWidget?.selectedItems() ?? [])];
      return items.length === 1 && items[0].type !== 'directory' ? items[0].path : null;
    };
    commands.addCommand(CommandIDs.fileLineage, {
      label: trans.__('Lineage of This File'),
      caption: trans.__('Which runs read or wrote it, and which models came of it'),
      icon: lineageIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      isVisible: () => chosen() !== null,
      isEnabled: () => chosen() !== null,
      execute: () => {
        const path = chosen();
        return path === null
          ? undefined
          : commands.execute(CommandIDs.openLineage, {
              object: `file:${app.serviceManager.contents.localPath(path)}`
            });
      }
    });

    void restorer?.restore(tracker, {
      command: CommandIDs.openLineage,
      args: widget => ({ object: widget.content.model.object }),
      name: widget => widget.content.model.object
    });
    palette?.addItem({ command: CommandIDs.openLineage, category: trans.__('Experiments') });
  }
};
