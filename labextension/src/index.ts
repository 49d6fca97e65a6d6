import { capture } from './features/capture/plugin';
import { computes } from './features/compute/plugin';
import { experiments } from './features/experiments/plugin';
import { doors } from './features/jobs/doors';
import { form } from './features/jobs/form/plugin';
import { drive, model, panel } from './features/jobs/plugin';
import { view } from './features/jobs/view/plugin';
import { lineage } from './features/lineage/plugin';
import { mlflow } from './features/mlflow/plugin';
import { models } from './features/models/plugin';
import { moves } from './features/moves/plugin';
import { runs } from './features/runs/plugin';
import { schedules } from './features/schedules/plugin';
import { status } from './features/status/plugin';
import { api, events, services } from './services';

export default [
  ...[api, events, services],
  ...[status, model, schedules],
  ...[panel, form, view, doors, drive, computes, moves, mlflow],
  ...[experiments, runs, models, lineage, capture]
];
