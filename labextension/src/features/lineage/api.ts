import type { components } from '../../api/_generated';
import type { Api } from '../../api/client';
import type { Direction, IGraph } from './graph';

type Schemas = components['schemas'];

export type Node = Schemas['Node'];
export type Edge = Schemas['Edge'];
export type Lineage = Schemas['Graph'];
export type Stale = Schemas['Stale'];
export type Verification = Schemas['Verification'];

/** Some of it, as it is drawn. */
export type Graph = IGraph<Node, Edge>;

/** What is asked of the lineage. */
export class LineageApi {
  constructor(private _api: Api) {}

  walk = (object: string, direction: Direction | 'both', depth: number) =>
    this._api.get<Lineage>('lineage', { object, direction, depth });
  verify = () => this._api.get<Verification>('lineage/verify');
  stale = (object?: string) => this._api.get<Schemas['StalePage']>('lineage/stale', { object });
  search = (q: string) => this._api.get<Schemas['NodePage']>('lineage/search', { q, limit: 20 });
}
