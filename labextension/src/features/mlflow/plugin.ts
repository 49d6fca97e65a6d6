import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { IFrame } from '@jupyterlab/ui-components';

import { chartIcon } from '../../components/icons';
import { mainWidget } from '../../components/main';
import { CommandIDs, IServices } from '../../tokens';

const ASSISTANT_SEEN = 'mlflow.assistant.fab.autoOpenedOnFirstLoad_v1';
/** MLflow shows pages for training models, or for language models. */
const TRAINING = '?workflowType=machine_learning';

/** MLflow's own UI, behind Jupyter's login. */
export const mlflow: JupyterFrontEndPlugin<void> = {
  id: 'labstudio:mlflow',
  description: 'Opens MLflow’s own UI inside JupyterLab.',
  autoStart: true,
  requires: [IServices],
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    services: IServices,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const { api, trans } = services;
    const tracker = new WidgetTracker<MainAreaWidget<IFrame>>({ namespace: 'labstudio-mlflow' });
    app.commands.addCommand(CommandIDs.openMlflow, {
      label: trans.__('Open MLflow'),
      caption: trans.__('Experiments, runs and models in MLflow’s own UI'),
      icon: chartIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: { runId: { type: 'string', description: 'A run to open.' } }
        }
      },
      execute: args => {
        // MLflow opens an assistant, which has no server here, on somebody's first visit.
        window.localStorage.setItem(ASSISTANT_SEEN, 'true');
        const url = api.mlflowUrl(
          typeof args.runId === 'string'
            ? `#/runs/${args.runId}${TRAINING}`
            : `#/experiments${TRAINING}`
        );
        let widget = tracker.find(() => true);
        if (widget) {
          if (args.runId) {
            widget.content.url = url;
          }
        } else {
          const content = new IFrame({
            sandbox: [
              'allow-scripts',
              'allow-same-origin',
              'allow-forms',
              'allow-popups',
              'allow-downloads'
            ]
          });
          content.url = url;
          content.node.querySelector('iframe')?.setAttribute('title', trans.__('MLflow'));
          widget = mainWidget(content, {
            id: 'labstudio-mlflow',
            label: trans.__('MLflow'),
            icon: chartIcon
          });
          void tracker.add(widget);
          app.shell.add(widget, 'main', { type: 'MLflow' });
        }
        app.shell.activateById(widget.id);
        return widget;
      }
    });
    void restorer?.restore(tracker, { command: CommandIDs.openMlflow, name: () => 'mlflow' });
    palette?.addItem({ command: CommandIDs.openMlflow, category: trans.__('Jobs') });
  }
};
