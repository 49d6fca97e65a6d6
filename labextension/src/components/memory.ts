import type { IStateDB } from '@jupyterlab/statedb';
import * as React from 'react';

import { useServices } from './context';

const PLACE = 'labstudio:chosen';

/** What the reader chose last of the small things, kept with JupyterLab's own layout. */
export class Memory {
  constructor(private _state: IStateDB | null) {
    // Without what was kept, each thing is as it is at first.
    this.ready = (_state?.fetch(PLACE) ?? Promise.resolve()).then(
      kept => this._fill(kept),
      () => undefined
    );
  }

  /** Fulfilled once what was kept is known. */
  readonly ready: Promise<void>;

  get(name: string): string | undefined {
    return this._chosen[name];
  }

  set(name: string, value: string): void {
    this._chosen = { ...this._chosen, [name]: value };
    void this._state?.save(PLACE, this._chosen);
  }

  private _fill(kept: unknown): void {
    if (kept && typeof kept === 'object') {
      // What was chosen while it loaded wins.
      this._chosen = { ...(kept as Record<string, string>), ...this._chosen };
    }
  }

  private _chosen: Record<string, string> = {};
}

/** State of a component that is remembered. */
export function useMemory<T extends string>(name: string, first: T): [T, (value: T) => void] {
  const { memory } = useServices();
  const [value, setValue] = React.useState((memory.get(name) as T | undefined) ?? first);
  React.useEffect(() => {
    void memory.ready.then(() => setValue((memory.get(name) as T | undefined) ?? first));
  }, [memory, name, first]);
  const choose = (next: T) => {
    memory.set(name, next);
    setValue(next);
  };
  return [value, choose];
}
