import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { IServices, IStudioStatus } from '../../tokens';
import { StatusModel } from './model';

/** Whether the studio is well. */
export const status: JupyterFrontEndPlugin<IStudioStatus> = {
  id: 'labstudio:status',
  description: 'Follows whether the studio’s daemon runs.',
  autoStart: true,
  provides: IStudioStatus,
  requires: [IServices],
  activate: (_app: JupyterFrontEnd, services: IServices): IStudioStatus =>
    new StatusModel(services.api, services.events)
};
