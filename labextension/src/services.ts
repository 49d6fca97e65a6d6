import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ITranslator } from '@jupyterlab/translation';
import { nullTranslator } from '@jupyterlab/translation';

import type { IServices } from './components/context';
import type { IApi, IStudioEvents } from './tokens';

/** What the components of a plugin work with. */
export function makeServices(
  app: JupyterFrontEnd,
  api: IApi,
  events: IStudioEvents,
  translator: ITranslator | null
): IServices {
  const trans = (translator ?? nullTranslator).load('labstudio');
  return { api, events, commands: app.commands, trans };
}
