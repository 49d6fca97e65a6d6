import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import type {
  Compute,
  ComputeDetail,
  CreateCompute,
  CreateMove,
  CreateJob,
  CreateSchedule,
  CreateSweep,
  FirePage,
  Job,
  JobDetail,
  JobFiles,
  JobKind,
  JobMetrics,
  JobPage,
  JobState,
  KernelAttachment,
  KernelPage,
  KindInfo,
  LogChunk,
  Move,
  RerunJob,
  ResourceSeries,
  Schedule,
  SchedulePreview,
  SourceInfo,
  Status,
  TestReport,
  UpdateSchedule,
  UsageBy,
  UsageReport
} from './types';

const ROOT = 'labstudio/api/v1';

/** The one error that the client throws. It never opens a dialog: who calls decides. */
export class ApiError extends Error {
  constructor(
    message: string,
    /** HTTP status; 0 when the server could not be reached. */
    readonly status: number,
    /** Stable code such as `invalid_input`. */
    readonly code: string,
    readonly details: Record<string, unknown> = {}
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** The field of the request that is wrong, when one is. */
  get field(): string | null {
    return typeof this.details.field === 'string' ? this.details.field : null;
  }

  static from(reason: unknown): ApiError {
    return reason instanceof ApiError
      ? reason
      : new ApiError(reason instanceof Error ? reason.message : String(reason), 0, 'unreachable');
  }
}

export interface IListJobs {
  state?: readonly JobState[];
  kind?: readonly JobKind[];
  query?: string;
  schedule_id?: string;
  sweep_id?: string;
  limit?: number;
  cursor?: string;
}

export type Query = Record<
  string,
  string | number | boolean | readonly string[] | null | undefined
>;

/** The studio's REST API, built once from the service manager's server settings. */
export class Api {
  constructor(
    readonly settings: ServerConnection.ISettings,
    private _trans: TranslationBundle
  ) {}

  listJobs = (query: IListJobs = {}) => this.get<JobPage>('jobs', { ...query });
  createJob = (spec: CreateJob) => this.send<Job>('POST', 'jobs', spec);
  createSweep = (spec: CreateSweep) => this.send<JobPage>('POST', 'sweeps', spec);
  job = (id: string) => this.get<JobDetail>(`jobs/${seg(id)}`);
  stopJob = (id: string) => this.send<Job>('POST', `jobs/${seg(id)}/stop`);
  rerunJob = (id: string, changes: RerunJob = {}) =>
    this.send<Job>('POST', `jobs/${seg(id)}/rerun`, changes);
  deleteJob = (id: string) => this.send<void>('DELETE', `jobs/${seg(id)}`);
  log = (id: string, query: { offset?: number; limit?: number; attempt?: number }) =>
    this.get<LogChunk>(`jobs/${seg(id)}/log`, query);
  resources = (id: string, attempt?: number) =>
    this.get<ResourceSeries>(`jobs/${seg(id)}/resources`, { attempt, points: 400 });
  metrics = (id: string) => this.get<JobMetrics>(`jobs/${seg(id)}/metrics`);
  files = (id: string, attempt?: number) =>
    this.get<JobFiles>(`jobs/${seg(id)}/files`, { attempt });
  notebook = (id: string, attempt?: number) =>
    this.get<unknown>(`jobs/${seg(id)}/notebook`, { attempt });
  source = (path: string) => this.get<SourceInfo>('source', { path });
  attachKernel = (id: string) => this.send<KernelAttachment>('POST', `jobs/${seg(id)}/kernel`);
  endKernel = (id: string) => this.send<void>('DELETE', `jobs/${seg(id)}/kernel`);

  listSchedules = () => this.get<{ items: Schedule[] }>('schedules');
  createSchedule = (spec: CreateSchedule) => this.send<Schedule>('POST', 'schedules', spec);
  updateSchedule = (id: string, changes: UpdateSchedule) =>
    this.send<Schedule>('PATCH', `schedules/${seg(id)}`, changes);
  deleteSchedule = (id: string) => this.send<void>('DELETE', `schedules/${seg(id)}`);
  pauseSchedule = (id: string) => this.send<Schedule>('POST', `schedules/${seg(id)}/pause`);
  resumeSchedule = (id: string) => this.send<Schedule>('POST', `schedules/${seg(id)}/resume`);
  runSchedule = (id: string) => this.send<Job>('POST', `schedules/${seg(id)}/run`);
  scheduleHistory = (id: string, cursor?: string) =>
    this.get<FirePage>(`schedules/${seg(id)}/history`, { limit: 50, cursor });
  previewSchedule = (cron: string, timezone: string) =>
    this.send<SchedulePreview>('POST', 'schedules/preview', { cron, timezone });

  computes = () => this.get<{ items: Compute[] }>('computes');
  compute = (name: string) => this.get<ComputeDetail>(`computes/${seg(name)}`);
  computeKinds = () => this.get<{ items: KindInfo[] }>('computes/kinds');
  createCompute = (entry: CreateCompute) => this.send<Compute>('POST', 'computes', entry);
  deleteCompute = (name: string) => this.send<void>('DELETE', `computes/${seg(name)}`);
  testCompute = (name: string) => this.send<TestReport>('POST', `computes/${seg(name)}/test`);
  drainCompute = (name: string, draining: boolean, now = false) =>
    this.send<Compute>('POST', `computes/${seg(name)}/drain`, { draining, now });
  stopIdleKernels = (name: string) =>
    this.send<KernelPage>('POST', `computes/${seg(name)}/stop-idle`);
  move = (kernelId: string) => this.get<Move>(`kernels/${seg(kernelId)}/move`);
  createMove = (kernelId: string, wanted: CreateMove) =>
    this.send<Move>('POST', `kernels/${seg(kernelId)}/move`, wanted);
  cancelMove = (kernelId: string) => this.send<void>('DELETE', `kernels/${seg(kernelId)}/move`);
  usage = (query: { by: UsageBy; since?: string }) => this.get<UsageReport>('usage', query);
  status = () => this.get<Status>('status');

  /** The address of a file that a job left. */
  fileUrl(
    id: string,
    path: string,
    options: { attempt?: number; download?: boolean } = {}
  ): string {
    const file = path.split('/').map(seg).join('/');
    return this._url(`jobs/${seg(id)}/files/${file}`, {
      attempt: options.attempt,
      download: options.download ? 1 : undefined
    });
  }

  /** The address of a usage report as a file. */
  usageCsvUrl(query: { by: UsageBy; since?: string }): string {
    return this._url('usage.csv', query);
  }

  /** A file's content, read through the server's login. */
  async file(id: string, path: string, attempt?: number): Promise<Blob> {
    return (await this._request(this.fileUrl(id, path, { attempt }), {})).blob();
  }

  /** A websocket that sends the log from a byte offset on as it grows. */
  logStream(id: string, offset: number, attempt?: number): WebSocket {
    const { wsUrl, token, appendToken, WebSocket: Socket } = this.settings;
    const query: Query = { offset, attempt, token: appendToken && token ? token : undefined };
    return new Socket(URLExt.join(wsUrl, ROOT, `jobs/${seg(id)}/log/stream`) + queryString(query));
  }

  /** The MLflow UI behind Jupyter's login. */
  mlflowUrl(fragment = ''): string {
    return URLExt.join(this.settings.baseUrl, 'labstudio/mlflow/') + fragment;
  }

  private _url(path: string, query: Query = {}): string {
    return URLExt.join(this.settings.baseUrl, ROOT, path) + queryString(query);
  }

  /** Fetch JSON; `path` is below the API's address. What is given up throws `AbortError`. */
  async get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    const response = await this._request(this._url(path, query), { signal });
    return (await response.json()) as T;
  }

  /** Send JSON with a method that changes something, and give what comes back. */
  async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this._request(this._url(path), {
      method,
      body: body === undefined ? undefined : JSON.stringify(body)
    });
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  /** The address of something that is not JSON, for a frame, an image or a download. */
  url(path: string, query: Query = {}): string {
    return this._url(path, query);
  }

  /** The content of an address that `url` gave. */
  async blob(url: string, init: RequestInit = {}): Promise<Blob> {
    return (await this._request(url, init)).blob();
  }

  private async _request(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch (reason) {
      if (init.signal?.aborted) {
        throw reason;
      }
      // The browser's own words for it, such as "Failed to fetch", help nobody.
      throw new ApiError(this._trans.__('Jupyter Server does not answer.'), 0, 'unreachable');
    }
    if (!response.ok) {
      throw await readError(response);
    }
    return response;
  }
}

async function readError(response: Response): Promise<ApiError> {
  let body: { message?: string; code?: string; details?: Record<string, unknown> } = {};
  try {
    body = (await response.json()) ?? {};
  } catch {
    // Not JSON: a proxy's page, or nothing. The status line is what there is to say.
  }
  return new ApiError(
    body.message || `${response.status} ${response.statusText}`.trim(),
    response.status,
    body.code ?? 'internal',
    body.details ?? {}
  );
}

/** A part of a path. */
export function seg(text: string): string {
  return encodeURIComponent(text);
}

function queryString(query: Query): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined && item !== null && item !== '') {
        search.append(key, String(item));
      }
    }
  }
  const text = search.toString();
  return text ? `?${text}` : '';
}
