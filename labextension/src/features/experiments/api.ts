import type { Api, Query } from '../../api/client';
import { seg } from '../../api/client';
import type {
  EditRun,
  EditRuns,
  Experiment,
  RunColumns,
  RunGroups,
  RunPage,
  RunsEdited,
  View
} from '../../api/types';
import type { ITableState } from './state';
import { condition, orderBy } from './state';

/** What is asked of the server: which runs, in which order. */
export interface IRunQuery extends Query {
  filter?: string;
  text?: string;
  experiment?: readonly string[];
  lifecycle?: string;
  favourite?: boolean;
  order_by?: readonly string[];
}

/** The part of a run that is fetched; all of it when nothing is said. */
export interface IRunParts extends Query {
  column?: readonly string[];
  spark?: readonly string[];
  /** Metrics whose best run is wanted. */
  best?: readonly string[];
}

/** The question that a table's state asks. */
export function queryOf(state: ITableState, user: string): IRunQuery {
  return {
    filter: condition(state, user) || undefined,
    text: state.text || undefined,
    experiment: state.experiments,
    lifecycle: state.lifecycle,
    favourite: state.favourite || undefined,
    order_by: orderBy(state.sort)
  };
}

/** What the studio's server says of experiments and runs. */
export class RunsApi {
  constructor(private _api: Api) {}

  favour = (id: string, favourite: boolean) =>
    this._api.send<Experiment>('PATCH', `experiments/${seg(id)}`, { favourite });
  experiments = () => this._api.get<{ items: Experiment[] }>('experiments');
  runs = (query: IRunQuery, parts: IRunParts, at: number, limit: number, signal?: AbortSignal) =>
    this._api.get<RunPage>('runs', { ...query, ...parts, at, limit }, signal);
  after = (query: IRunQuery, parts: IRunParts, cursor: string | null, signal?: AbortSignal) =>
    this._api.get<RunPage>('runs', { ...query, ...parts, cursor, limit: 1000 }, signal);
  columns = (experiment: readonly string[]) =>
    this._api.get<RunColumns>('runs/columns', { experiment });
  values = (key: string, prefix: string, experiment: readonly string[], signal?: AbortSignal) =>
    this._api.get<{ items: string[] }>('runs/values', { key, prefix, experiment }, signal);
  groups = (by: string, query: IRunQuery, metric: readonly string[], signal?: AbortSignal) =>
    this._api.get<RunGroups>('runs/groups', { ...query, order_by: undefined, by, metric }, signal);
  edit = (ids: readonly string[], edit: Partial<Omit<EditRuns, 'ids'>>) =>
    this._api.send<RunsEdited>('POST', 'runs/edit', { ids, ...edit });
  update = (id: string, change: Partial<EditRun>) =>
    this._api.send<unknown>('PATCH', `runs/${seg(id)}`, change);
  views = () => this._api.get<{ items: View[] }>('views', { topic: 'runs' });
  createView = (name: string, content: ITableState, shared = false) =>
    this._api.send<View>('POST', 'views', { topic: 'runs', name, content, shared });
  updateView = (id: string, change: { name?: string; shared?: boolean; content?: ITableState }) =>
    this._api.send<View>('PATCH', `views/${seg(id)}`, change);
  deleteView = (id: string) => this._api.send<void>('DELETE', `views/${seg(id)}`);

  /** Every run of a question, page after page. */
  async *every(query: IRunQuery, parts: IRunParts, signal: AbortSignal): AsyncIterable<RunPage> {
    let cursor: string | null = null;
    do {
      const page: RunPage = await this.after(query, parts, cursor, signal);
      yield page;
      cursor = page.next_cursor ?? null;
    } while (cursor);
  }
}
