import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

import type { Api } from '../api/client';
import type { StudioEvents } from '../api/events';
import type { Memory } from './memory';

/** What every component may use. */
export interface IServices {
  api: Api;
  events: StudioEvents;
  commands: CommandRegistry;
  trans: TranslationBundle;
  memory: Memory;
}

const Services = React.createContext<IServices | null>(null);

export function useServices(): IServices {
  const services = React.useContext(Services);
  if (!services) {
    throw new Error('A studio component was rendered outside of its provider.');
  }
  return services;
}

export function useTrans(): TranslationBundle {
  return useServices().trans;
}

/** Render again whenever the signal is emitted. */
export function useSignal(signal: ISignal<unknown, unknown>): number {
  const [count, bump] = React.useReducer((n: number) => n + 1, 0);
  React.useEffect(() => {
    const owner = {};
    const slot = () => bump();
    signal.connect(slot, owner);
    return () => {
      signal.disconnect(slot, owner);
    };
  }, [signal]);
  return count;
}

/** The current time, once a second while `active`; one clock for all who ask. */
export function useNow(active: boolean): number {
  const [now, setNow] = React.useState(() => Date.now());
  React.useEffect(() => {
    if (!active) {
      return;
    }
    setNow(Date.now());
    return Clock.subscribe(setNow);
  }, [active]);
  return now;
}

namespace Clock {
  const listeners = new Set<(now: number) => void>();
  let timer = 0;

  export function subscribe(listener: (now: number) => void): () => void {
    listeners.add(listener);
    if (!timer) {
      timer = window.setInterval(() => {
        const now = Date.now();
        listeners.forEach(each => each(now));
      }, 1000);
    }
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) {
        window.clearInterval(timer);
        timer = 0;
      }
    };
  }
}

/** A Lumino widget that renders React with the studio's services. */
export abstract class StudioWidget extends ReactWidget {
  constructor(protected readonly services: IServices) {
    super();
    this.addClass('lst-Widget');
  }

  protected abstract content(): JSX.Element | null;

  protected render(): JSX.Element {
    return <Services.Provider value={this.services}>{this.content()}</Services.Provider>;
  }
}

/** A widget whose content is one component. */
export class ComponentWidget extends StudioWidget {
  constructor(
    services: IServices,
    private _element: () => JSX.Element | null
  ) {
    super(services);
  }

  protected content(): JSX.Element | null {
    return this._element();
  }
}
