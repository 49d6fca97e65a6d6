import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { Api } from './api/client';
import { StudioEvents } from './api/events';
import { doors } from './features/jobs/doors';
import { form } from './features/jobs/form/plugin';
import { drive, model, panel } from './features/jobs/plugin';
import { view } from './features/jobs/view/plugin';
import { mlflow } from './features/mlflow/plugin';
import { schedules } from './features/schedules/plugin';
import { status } from './features/status/plugin';
import { IApi, IStudioEvents } from './tokens';

const api: JupyterFrontEndPlugin<IApi> = {
  id: 'labstudio:api',
  description: 'Provides the client of the studio’s REST API.',
  autoStart: true,
  provides: IApi,
  activate: (app: JupyterFrontEnd): IApi => new Api(app.serviceManager.serverSettings)
};

const events: JupyterFrontEndPlugin<IStudioEvents> = {
  id: 'labstudio:events',
  description: 'Follows the studio’s events, and polls when they do not come.',
  autoStart: true,
  provides: IStudioEvents,
  activate: (app: JupyterFrontEnd): IStudioEvents => new StudioEvents(app.serviceManager.events)
};

export default [api, events, status, model, schedules, panel, form, view, doors, drive, mlflow];
