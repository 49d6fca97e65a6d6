import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Api } from './api/client';
import { StudioEvents } from './api/events';
import { Memory } from './components/memory';
import { IApi, IServices, IStudioEvents } from './tokens';

export const api: JupyterFrontEndPlugin<IApi> = {
  id: 'labstudio:api',
  description: 'Provides the client of the studio’s REST API.',
  autoStart: true,
  provides: IApi,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null): IApi =>
    new Api(app.serviceManager.serverSettings, load(translator))
};

export const events: JupyterFrontEndPlugin<IStudioEvents> = {
  id: 'labstudio:events',
  description: 'Follows the studio’s events, and polls when they do not come.',
  autoStart: true,
  provides: IStudioEvents,
  activate: (app: JupyterFrontEnd): IStudioEvents => new StudioEvents(app.serviceManager.events)
};

/** What the studio's commands and components work with, in one piece. */
export const services: JupyterFrontEndPlugin<IServices> = {
  id: 'labstudio:services',
  description: 'Provides what the studio’s commands and components work with.',
  autoStart: true,
  provides: IServices,
  requires: [IApi, IStudioEvents],
  optional: [ITranslator, IStateDB],
  activate: (
    app: JupyterFrontEnd,
    api: IApi,
    events: IStudioEvents,
    translator: ITranslator | null,
    state: IStateDB | null
  ): IServices => ({
    api,
    events,
    commands: app.commands,
    trans: load(translator),
    memory: new Memory(state)
  })
};

function load(translator: ITranslator | null) {
  return (translator ?? nullTranslator).load('labstudio');
}
