/** Short names for the generated types; nothing here is written by hand twice. */
import type { components } from './_generated';

type Schemas = components['schemas'];

export type Job = Schemas['Job'];
export type JobDetail = Schemas['JobDetail'];
export type JobPage = Schemas['JobPage'];
export type JobState = Schemas['JobState'];
export type JobKind = Schemas['JobKind'];
export type JobError = Schemas['JobError'];
export type JobFile = Schemas['JobFile'];
export type JobFiles = Schemas['JobFiles'];
export type JobMetrics = Schemas['JobMetrics'];
export type MetricPoint = Schemas['MetricPoint'];
export type ResourceSeries = Schemas['ResourceSeries'];
export type ResourceSample = Schemas['ResourceSample'];
export type KernelAttachment = Schemas['KernelAttachment'];
export type LogChunk = Schemas['LogChunk'];
export type Attempt = Schemas['Attempt'];
export type CellTime = Schemas['CellTime'];
export type Provenance = Schemas['Provenance'];
export type ParameterSpec = Schemas['ParameterSpec'];
export type SourceInfo = Schemas['SourceInfo'];
export type Schedule = Schemas['Schedule'];
export type SchedulePreview = Schemas['SchedulePreview'];
export type Fire = Schemas['Fire'];
export type FirePage = Schemas['FirePage'];
export type Compute = Schemas['Compute'];
export type ComputeDetail = Schemas['ComputeDetail'];
export type Occupant = Schemas['Occupant'];
export type Waiting = Schemas['Waiting'];
export type Resources = Schemas['Resources'];
export type TestReport = Schemas['TestReport'];
export type KernelPage = Schemas['KernelPage'];
export type KindInfo = Schemas['KindInfo'];
export type KindField = Schemas['KindField'];
export type Move = Schemas['Move'];
export type CreateMove = Schemas['CreateMove'];
export type UsageReport = Schemas['UsageReport'];
export type UsageRow = Schemas['UsageRow'];
export type UsageBy = Schemas['By'];
export type Status = Schemas['Status'];

/** What is sent may leave out whatever has a default. */
export type CreateJob = Partial<Schemas['CreateJob']>;
export type RerunJob = Partial<Schemas['RerunJob']>;
export type CreateSweep = { job: CreateJob; grid: Schemas['CreateSweep']['grid'] };
export type CreateSchedule = Partial<Omit<Schemas['CreateSchedule'], 'job' | 'cron'>> & {
  job: CreateJob;
  cron: string;
};
export type UpdateSchedule = Partial<Omit<Schemas['UpdateSchedule'], 'job'>> & { job?: CreateJob };

export type CreateCompute = Schemas['CreateCompute'];

/** Any JSON value, as parameters hold it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Parameters = Record<string, Json>;

/** States in which a job can still change. */
export const ACTIVE: readonly JobState[] = ['queued', 'starting', 'running'];

/** Whether a job can still change. */
export function isActive(job: { state: JobState }): boolean {
  return ACTIVE.includes(job.state);
}
export type Experiment = Schemas['Experiment'];
export type Run = Schemas['Run'];
export type RunPage = Schemas['RunPage'];
export type RunColumns = Schemas['RunColumns'];
export type RunGroup = Schemas['RunGroup'];
export type RunGroups = Schemas['RunGroups'];
export type EditRun = Schemas['EditRun'];
export type EditRuns = Schemas['EditRuns'];
export type RunsEdited = Schemas['RunsEdited'];
export type View = Schemas['View'];
