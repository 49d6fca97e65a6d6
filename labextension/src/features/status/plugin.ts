import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { IApi, IStudioEvents, IStudioStatus } from '../../tokens';
import { StatusModel } from './model';

/** Whether the studio is well. */
export const status: JupyterFrontEndPlugin<IStudioStatus> = {
  id: 'labstudio:status',
  description: 'Follows whether the studio’s daemon runs.',
  autoStart: true,
  provides: IStudioStatus,
  requires: [IApi, IStudioEvents],
  activate: (_app: JupyterFrontEnd, api: IApi, events: IStudioEvents): IStudioStatus =>
    new StatusModel(api, events)
};
