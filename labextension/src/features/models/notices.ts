import { Notification } from '@jupyterlab/apputils';
import type { IDisposable } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';

import type { IChange } from '../../api/events';
import type { IServices } from '../../components/context';
import { CommandIDs } from '../../tokens';
import { ModelsApi } from './api';
import type { ModelEvent } from './types';

const QUIET_MS = 800;
/** More than this at once is told in one sentence. */
const MOST = 3;

/** Tells of what others, or other programs, do to models while the page is open. */
export class ModelNotices implements IDisposable {
  constructor(private _services: IServices) {
    this._registry = new ModelsApi(_services.api);
    _services.events.changed.connect(this._onChange, this);
    void this._begin();
  }

  get isDisposed(): boolean {
    return this._look.isDisposed;
  }

  dispose(): void {
    this._services.events.changed.disconnect(this._onChange, this);
    this._look.dispose();
  }

  private _onChange(_: unknown, change: IChange): void {
    if (change.topic === 'models') {
      void this._look.invoke();
    }
  }

  /** What happened before the page was opened is no news. */
  private async _begin(): Promise<void> {
    try {
      const { items } = await this._registry.changes({ limit: 1 });
      this._newest = items[0]?.id ?? '';
    } catch {
      // Without a beginning nothing can be told apart from what is old: the next event asks again.
      this._newest = null;
    }
  }

  private async _tell(): Promise<void> {
    if (this._newest === null) {
      return this._begin();
    }
    const { items } = await this._registry
      .changes({ after: this._newest || undefined, limit: 50 })
      .catch(() => ({ items: [] as ModelEvent[] }));
    this._newest = items[0]?.id ?? this._newest;
    const news = items.filter(event => !this._registry.own(event.model)).reverse();
    if (news.length > MOST) {
      this._notify(
        this._services.trans.__(
          '%1 changes of models: %2, and others.',
          news.length,
          said(news[0])
        ),
        null
      );
    } else {
      news.forEach(event => this._notify(said(event), event));
    }
  }

  private _notify(message: string, event: ModelEvent | null): void {
    const { commands, trans } = this._services;
    const gone = event === null || event.event === 'registered_model.deleted';
    Notification.info(message, {
      autoClose: 8000,
      actions: [
        {
          label: gone ? trans.__('Show models') : trans.__('Open'),
          callback: () => {
            void (gone
              ? commands.execute(CommandIDs.showModels)
              : commands.execute(CommandIDs.openModel, {
                  model: event.model,
                  version: event.version
                }));
          }
        }
      ]
    });
  }

  private _registry: ModelsApi;
  private _newest: string | null = null;
  private _look = new Debouncer(() => this._tell(), QUIET_MS);
}

/** Who did what. */
function said(event: ModelEvent): string {
  return event.user && !event.message.includes(event.user)
    ? `${event.user}: ${event.message}`
    : event.message;
}
