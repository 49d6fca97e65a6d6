import { addIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IconButton, Tabs } from '../../components/basics';
import type { IServices } from '../../components/context';
import { StudioWidget, useServices, useSignal } from '../../components/context';
import { chartIcon, compareIcon, jobsIcon } from '../../components/icons';
import { CommandIDs } from '../../tokens';
import { ScheduleList } from '../schedules/list';
import type { SchedulesModel } from '../schedules/model';
import { StatusLine } from '../status/line';
import type { StatusModel } from '../status/model';
import { Filters } from './filters';
import { JobList } from './list';
import type { JobsModel } from './model';

export interface IPanelModels {
  jobs: JobsModel;
  schedules: SchedulesModel;
  status: StatusModel;
}

/** The sidebar: jobs and schedules. */
export class JobsPanel extends StudioWidget {
  constructor(
    services: IServices,
    private _models: IPanelModels
  ) {
    super(services);
    this.id = 'labstudio-jobs';
    this.title.icon = jobsIcon;
    this.title.caption = services.trans.__('Jobs');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', services.trans.__('Jobs'));
    this.addClass('lst-JobsPanel');
    void services.memory.ready.then(() => {
      this._section = services.memory.get('section') ?? this._section;
      this.update();
    });
  }

  /** The list that is shown. */
  get section(): string {
    return this._section;
  }

  set section(section: string) {
    this._section = section === 'schedules' ? 'schedules' : 'jobs';
    this.services.memory.set('section', this._section);
    this.update();
  }

  protected content(): JSX.Element {
    return (
      <PanelView
        models={this._models}
        section={this._section}
        onSection={section => {
          this.section = section;
        }}
      />
    );
  }

  private _section = 'jobs';
}

function PanelView(props: {
  models: IPanelModels;
  section: string;
  onSection: (section: string) => void;
}): JSX.Element {
  const { jobs, schedules, status } = props.models;
  const { commands, trans } = useServices();
  useSignal(jobs.changed);
  useSignal(schedules.changed);
  const running = (jobs.counts.running ?? 0) + (jobs.counts.starting ?? 0);
  const execute = (command: string) => void commands.execute(command);
  return (
    <>
      <div className="lst-PanelHead">
        <Tabs
          label={trans.__('Section')}
          current={props.section}
          onChange={props.onSection}
          tabs={[
            { id: 'jobs', label: trans.__('Jobs'), badge: running || undefined },
            {
              id: 'schedules',
              label: trans.__('Schedules'),
              badge: schedules.items.length || undefined
            }
          ]}
        />
        <span className="lst-Fill" />
        {jobs.selection.length > 1 && props.section === 'jobs' && (
          <IconButton
            icon={compareIcon}
            label={trans.__('Compare %1 jobs', jobs.selection.length)}
            onClick={() => execute(CommandIDs.compare)}
          />
        )}
        <IconButton
          icon={chartIcon}
          label={trans.__('Open MLflow')}
          onClick={() => execute(CommandIDs.openMlflow)}
        />
        <IconButton
          icon={addIcon}
          label={props.section === 'jobs' ? trans.__('New job') : trans.__('New schedule')}
          onClick={() =>
            execute(props.section === 'jobs' ? CommandIDs.submit : CommandIDs.createSchedule)
          }
        />
      </div>
      <StatusLine model={status} />
      {props.section === 'jobs' ? (
        <>
          <Filters model={jobs} />
          <JobList model={jobs} />
        </>
      ) : (
        <ScheduleList model={schedules} />
      )}
    </>
  );
}
