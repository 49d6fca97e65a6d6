import type { Api } from '../../api/client';
import { seg } from '../../api/client';
import type { Job } from '../../api/types';
import type {
  ArtifactFolder,
  Comparison,
  Curves,
  EditRun,
  EditRuns,
  Importance,
  Predictions,
  Reproduction,
  RunDetail,
  RunsEdited,
  TablePage
} from './types';

export interface ICurvesQuery {
  run: readonly string[];
  metric: readonly string[];
  points: number;
  /** `step`, `time`, or a metric such as `metrics.epoch`. */
  x: string;
  from?: number;
  to?: number;
}

/** What the studio's API knows of runs. */
export class RunsApi {
  constructor(private _api: Api) {}

  run = (id: string) => this._api.get<RunDetail>(`runs/${seg(id)}`);
  update = (id: string, edit: EditRun) =>
    this._api.send<RunDetail>('PATCH', `runs/${seg(id)}`, edit);
  edit = (edit: EditRuns) => this._api.send<RunsEdited>('POST', 'runs/edit', edit);
  curves = (query: ICurvesQuery) => this._api.get<Curves>('runs/curves', { ...query });
  compare = (run: readonly string[]) => this._api.get<Comparison>('runs/compare', { run });
  predictions = (run: readonly string[]) => this._api.get<Predictions>('runs/predictions', { run });
  importance = (
    metric: string,
    query: { run?: readonly string[]; experiment?: readonly string[] }
  ) => this._api.get<Importance>('runs/importance', { metric, ...query });
  reproduce = (id: string) => this._api.send<Job>('POST', `runs/${seg(id)}/reproduce`, {});
  reproductions = (id: string) =>
    this._api.get<{ items: Reproduction[] }>(`runs/${seg(id)}/reproductions`);
  artifacts = (id: string, path: string) =>
    this._api.get<ArtifactFolder>(`runs/${seg(id)}/artifacts`, { path });
  table = (id: string, query: { path: string; at: number; limit: number; order_by?: string }) =>
    this._api.get<TablePage>(`runs/${seg(id)}/artifacts/table`, query);

  /** The address of an artifact, which the server gives out so that it cannot do harm. */
  fileUrl(id: string, path: string, download = false): string {
    return this._api.url(`runs/${seg(id)}/artifacts/file`, {
      path,
      download: download ? 'true' : undefined
    });
  }

  /** The first part of a text artifact. */
  async text(id: string, path: string, most: number): Promise<string> {
    const headers = { Range: `bytes=0-${most - 1}` };
    return (await this._api.blob(this.fileUrl(id, path), { headers })).text();
  }
}
