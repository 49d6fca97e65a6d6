import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { WidgetTracker } from '@jupyterlab/apputils';
import * as React from 'react';

import type { IServices } from '../../components/context';
import { ComponentWidget } from '../../components/context';
import { mainWidget } from '../../components/main';
import { cardIcon, modelIcon, tableIcon } from '../../components/nouns';
import { CommandIDs } from '../../tokens';
import type { CardModel } from './card/model';
import { MODEL_ARGS, modelOf, versionOf } from './commands';
import type { ModelsModel } from './model';
import { DashboardModel } from './model';
import type { OneModel } from './view/model';

type OneWidget = ComponentWidget & { model: OneModel };
type CardWidget = ComponentWidget & { model: CardModel };

/** One model, a card and the dashboard in the main area; the ids of their commands. */
export function addModelViews(
  app: JupyterFrontEnd,
  services: IServices,
  models: ModelsModel,
  restorer: ILayoutRestorer | null
): string[] {
  addOne(app, services, models, restorer);
  addCard(app, services, models, restorer);
  addDashboard(app, services, restorer);
  return [CommandIDs.openModel, CommandIDs.openCard, CommandIDs.modelDashboard];
}

function addOne(
  { shell }: JupyterFrontEnd,
  services: IServices,
  models: ModelsModel,
  restorer: ILayoutRestorer | null
): void {
  const { commands, trans } = services;
  const tracker = new WidgetTracker<MainAreaWidget<OneWidget>>({ namespace: 'labstudio-models' });
  commands.addCommand(CommandIDs.openModel, {
    label: trans.__('Open Model'),
    icon: modelIcon,
    describedBy: {
      args: {
        ...MODEL_ARGS,
        properties: {
          ...MODEL_ARGS.properties,
          tab: {
            type: 'string',
            description: 'version, versions, approvals, history or webhooks'
          }
        }
      }
    },
    isEnabled: args => modelOf(args, models) !== null,
    execute: async args => {
      const name = modelOf(args, models);
      if (name === null) {
        return undefined;
      }
      const { ModelView, OneModel, TABS } = await import('./lazy');
      const version = versionOf(args);
      let widget = tracker.find(each => each.content.model.name === name);
      if (!widget) {
        const one = new OneModel(services.api, services.events, name, version);
        const content = Object.assign(
          new ComponentWidget(services, () => <ModelView model={one} />),
          { model: one }
        );
        const made = mainWidget(content, {
          id: `labstudio-model-${name}`,
          label: name,
          icon: modelIcon
        });
        let kept = '';
        one.changed.connect(() => {
          if (one.deleted) {
            made.dispose();
          } else if (kept !== `${one.chosen}/${one.tab}`) {
            kept = `${one.chosen}/${one.tab}`;
            void tracker.save(made);
          }
        }, made);
        made.disposed.connect(() => one.dispose(), made);
        void tracker.add(made);
        shell.add(made, 'main', { type: 'Model' });
        widget = made;
      } else if (version !== null) {
        widget.content.model.chosen = version;
      }
      const tab = TABS.find(each => each === args.tab);
      if (tab) {
        widget.content.model.tab = tab;
      }
      shell.activateById(widget.id);
      return widget;
    }
  });
  void restorer?.restore(tracker, {
    command: CommandIDs.openModel,
    args: ({ content: { model } }) => ({
      model: model.name,
      version: model.chosen,
      tab: model.tab
    }),
    name: widget => widget.content.model.name
  });
}

function addCard(
  { shell }: JupyterFrontEnd,
  services: IServices,
  models: ModelsModel,
  restorer: ILayoutRestorer | null
): void {
  const { commands, trans } = services;
  const tracker = new WidgetTracker<MainAreaWidget<CardWidget>>({ namespace: 'labstudio-cards' });
  commands.addCommand(CommandIDs.openCard, {
    label: trans.__('Open Model Card'),
    icon: cardIcon,
    describedBy: { args: MODEL_ARGS },
    isEnabled: args => modelOf(args, models) !== null,
    execute: async args => {
      const name = modelOf(args, models);
      if (name === null) {
        return undefined;
      }
      const version = versionOf(args) ?? (await models.registry.get(name)).latest_version;
      if (version === null) {
        return undefined;
      }
      let widget = tracker.find(
        ({ content: { model } }) => model.name === name && model.number === version
      );
      if (!widget) {
        const { CardEditor, CardModel } = await import('./lazy');
        const card = new CardModel(services.api, services.events, name, version);
        const content = Object.assign(
          new ComponentWidget(services, () => <CardEditor model={card} />),
          { model: card }
        );
        const made = mainWidget(content, {
          id: `labstudio-card-${name}-${version}`,
          label: trans.__('Card: %1 v%2', name, version),
          icon: cardIcon
        });
        made.disposed.connect(() => card.dispose(), made);
        void tracker.add(made);
        shell.add(made, 'main', { type: 'Model Card' });
        widget = made;
      }
      shell.activateById(widget.id);
      return widget;
    }
  });
  void restorer?.restore(tracker, {
    command: CommandIDs.openCard,
    args: ({ content: { model } }) => ({ model: model.name, version: model.number }),
    name: ({ content: { model } }) => `${model.name}/${model.number}`
  });
}

function addDashboard(
  { shell }: JupyterFrontEnd,
  services: IServices,
  restorer: ILayoutRestorer | null
): void {
  const { commands, trans } = services;
  const tracker = new WidgetTracker<MainAreaWidget<ComponentWidget>>({
    namespace: 'labstudio-model-dashboard'
  });
  commands.addCommand(CommandIDs.modelDashboard, {
    label: trans.__('Model Dashboard'),
    caption: trans.__('Every model: version in use, card, risk, last evaluation, endpoint'),
    icon: tableIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      let widget = tracker.currentWidget;
      if (!widget) {
        const { DashboardView } = await import('./lazy');
        const board = new DashboardModel(services.api, services.events);
        widget = mainWidget(new ComponentWidget(services, () => <DashboardView model={board} />), {
          id: 'labstudio-model-dashboard',
          label: trans.__('Model Dashboard'),
          icon: tableIcon
        });
        widget.disposed.connect(() => board.dispose(), widget);
        void tracker.add(widget);
        shell.add(widget, 'main', { type: 'Model Dashboard' });
      }
      shell.activateById(widget.id);
      return widget;
    }
  });
  void restorer?.restore(tracker, { command: CommandIDs.modelDashboard, name: () => 'dashboard' });
}
