import { Token } from '@lumino/coreutils';

import type { Api } from './api/client';
import type { StudioEvents } from './api/events';
import type { IServices as Services } from './components/context';
import type { ComputesModel } from './features/compute/model';
import type { JobsModel } from './features/jobs/model';
import type { ModelsModel } from './features/models/model';
import type { SchedulesModel } from './features/schedules/model';
import type { StatusModel } from './features/status/model';

export type IApi = Api;
export const IApi = new Token<IApi>('labstudio:IApi', 'The client of the studio’s REST API.');

export type IStudioEvents = StudioEvents;
export const IStudioEvents = new Token<IStudioEvents>(
  'labstudio:IStudioEvents',
  'What changed in the studio, as it changes.'
);

export type IServices = Services;
export const IServices = new Token<IServices>(
  'labstudio:IServices',
  'What the studio’s own commands and components work with.'
);

export type IJobs = JobsModel;
export const IJobs = new Token<IJobs>(
  'labstudio:IJobs',
  'The list of jobs and what is selected in it.'
);

export type ISchedules = SchedulesModel;
export const ISchedules = new Token<ISchedules>('labstudio:ISchedules', 'The list of schedules.');

export type IComputes = ComputesModel;
export const IComputes = new Token<IComputes>('labstudio:IComputes', 'The list of computes.');

export type IModels = ModelsModel;
export const IModels = new Token<IModels>('labstudio:IModels', 'The list of registered models.');

export type IStudioStatus = StatusModel;
export const IStudioStatus = new Token<IStudioStatus>(
  'labstudio:IStudioStatus',
  'Whether the studio’s daemon runs, and what to do when it does not.'
);

export namespace CommandIDs {
  export const showPanel = 'labstudio-jobs:show-panel';
  export const submit = 'labstudio-jobs:submit';
  export const submitNow = 'labstudio-jobs:submit-now';
  export const open = 'labstudio-jobs:open';
  export const stop = 'labstudio-jobs:stop';
  export const rerun = 'labstudio-jobs:rerun';
  export const rerunWithChanges = 'labstudio-jobs:rerun-with-changes';
  export const remove = 'labstudio-jobs:delete';
  export const compare = 'labstudio-jobs:compare';
  export const attach = 'labstudio-jobs:attach';
  export const endKernel = 'labstudio-jobs:end-kernel';
  export const openFile = 'labstudio-jobs:open-file';
  export const refresh = 'labstudio-jobs:refresh';
  export const createSchedule = 'labstudio-schedules:create';
  export const editSchedule = 'labstudio-schedules:edit';
  export const runSchedule = 'labstudio-schedules:run';
  export const pauseSchedule = 'labstudio-schedules:pause';
  export const resumeSchedule = 'labstudio-schedules:resume';
  export const deleteSchedule = 'labstudio-schedules:delete';
  export const scheduleHistory = 'labstudio-schedules:history';
  export const showCompute = 'labstudio-compute:show-panel';
  export const openCompute = 'labstudio-compute:open';
  export const addCompute = 'labstudio-compute:add';
  export const testCompute = 'labstudio-compute:test';
  export const drainCompute = 'labstudio-compute:drain';
  export const drainComputeNow = 'labstudio-compute:drain-now';
  export const undrainCompute = 'labstudio-compute:undrain';
  export const stopIdleKernels = 'labstudio-compute:stop-idle-kernels';
  export const removeCompute = 'labstudio-compute:remove';
  export const showUsage = 'labstudio-compute:usage';
  export const moveNotebook = 'labstudio-moves:move-notebook';
  export const showExperiments = 'labstudio-experiments:show-panel';
  export const openExperiment = 'labstudio-experiments:open';
  export const compareSelected = 'labstudio-experiments:compare-selected';
  export const favouriteRuns = 'labstudio-experiments:favourite';
  export const tagRuns = 'labstudio-experiments:tag';
  export const archiveRuns = 'labstudio-experiments:archive';
  export const deleteRuns = 'labstudio-experiments:delete';
  export const undoRuns = 'labstudio-experiments:undo';
  export const selectAllRuns = 'labstudio-experiments:select-all';
  export const chooseColumns = 'labstudio-experiments:choose-columns';
  export const exportRuns = 'labstudio-experiments:export';
  export const refreshRuns = 'labstudio-experiments:refresh';
  export const openRun = 'labstudio-runs:open';
  export const showModels = 'labstudio-models:show-panel';
  export const openModel = 'labstudio-models:open';
  export const registerModel = 'labstudio-models:register';
  export const deleteModel = 'labstudio-models:delete';
  export const openCard = 'labstudio-models:card';
  export const modelDashboard = 'labstudio-models:dashboard';
  export const openLineage = 'labstudio-lineage:open';
  export const fileLineage = 'labstudio-lineage:open-file';
  export const compareRuns = 'labstudio-runs:compare';
  export const reproduceRun = 'labstudio-runs:reproduce';
  export const archiveRun = 'labstudio-runs:archive';
  export const deleteRun = 'labstudio-runs:delete';
  export const copyChart = 'labstudio-runs:copy-chart';
  export const openMlflow = 'labstudio-mlflow:open';
}
