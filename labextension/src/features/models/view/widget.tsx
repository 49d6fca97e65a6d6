import * as React from 'react';

import { Banner, Button, Empty, IconButton, Tabs } from '../../../components/basics';
import { useServices, useSignal } from '../../../components/context';
import { trashIcon } from '../../../components/icons';
import {
  cardIcon,
  lineageIcon,
  modelIcon,
  promoteIcon,
  starFullIcon,
  starIcon
} from '../../../components/nouns';
import { When } from '../../../components/state';
import { CommandIDs } from '../../../tokens';
import { aliasesOf } from '../words';
import { ApprovalsTab } from './approvals';
import { HistoryTab } from './history';
import type { OneModel, Tab } from './model';
import { VersionTab } from './version';
import { VersionsTab } from './versions';
import { WebhooksTab } from './webhooks';

/** One registered model in the main area. */
export function ModelView(props: { model: OneModel }): JSX.Element | null {
  const { model } = props;
  const { trans } = useServices();
  useSignal(model.changed);
  const { detail } = model;
  if (!detail) {
    return model.error ? (
      <Banner
        kind="error"
        actions={<Button onClick={() => void model.refresh()}>{trans.__('Try again')}</Button>}
      >
        {model.error.message}
      </Banner>
    ) : null;
  }
  const none = detail.versions.length === 0;
  return (
    <div className="lst-ModelView">
      <Head model={model} />
      <div className="lst-ModelView-body lst-Scroll" role="tabpanel">
        {model.tab === 'versions' && <VersionsTab model={model} />}
        {model.tab === 'approvals' && <ApprovalsTab model={model} />}
        {model.tab === 'history' && <HistoryTab model={model} />}
        {model.tab === 'webhooks' && <WebhooksTab model={model} />}
        {model.tab === 'version' &&
          (none ? (
            <Empty>{trans.__('The model has no version: all were deleted.')}</Empty>
          ) : (
            <VersionTab model={model} />
          ))}
      </div>
    </div>
  );
}

function Head(props: { model: OneModel }): JSX.Element | null {
  const { model } = props;
  const { commands, trans } = useServices();
  const { detail, number } = model;
  if (!detail) {
    return null;
  }
  const run = (command: string, args: Record<string, string | number> = {}) =>
    void commands.execute(command, { model: model.name, ...args });
  const waiting = model.approvals.filter(each => each.state === 'pending').length;
  return (
    <header className="lst-Header">
      <div className="lst-Header-top">
        <span className="lst-StateIcon" aria-hidden="true">
          <modelIcon.react tag="span" />
        </span>
        <div className="lst-Header-title">
          <h2 title={model.name}>{model.name}</h2>
          <p>
            <span>{trans._n('%1 version', '%1 versions', detail.versions.length)}</span>
            {aliasesOf(detail).map(([alias, version]) => (
              <span key={alias}>{trans.__('%1: v%2', alias, version)}</span>
            ))}
            <When at={detail.updated_at} />
          </p>
        </div>
        <div className="lst-Header-actions" role="toolbar" aria-label={trans.__('Actions')}>
          <IconButton
            icon={detail.favourite ? starFullIcon : starIcon}
            label={
              detail.favourite ? trans.__('No longer a favourite') : trans.__('Make it a favourite')
            }
            pressed={detail.favourite}
            onClick={() =>
              void model.act(() =>
                model.registry.update(model.name, { favourite: !detail.favourite })
              )
            }
          />
          {number !== null && (
            <>
              <Button
                icon={promoteIcon}
                onClick={() => {
                  model.tab = 'approvals';
                }}
              >
                {trans.__('Promote…')}
              </Button>
              <Button icon={cardIcon} onClick={() => run(CommandIDs.openCard, { version: number })}>
                {trans.__('Model card')}
              </Button>
              <Button
                icon={lineageIcon}
                onClick={() =>
                  run(CommandIDs.openLineage, { object: `model:${model.name}/${number}` })
                }
              >
                {trans.__('Lineage')}
              </Button>
            </>
          )}
          <Button
            icon={trashIcon}
            title={trans.__('Delete the model with all its versions')}
            onClick={() => run(CommandIDs.deleteModel)}
          >
            {trans.__('Delete…')}
          </Button>
        </div>
      </div>
      {model.error && <Banner kind="warning">{model.error.message}</Banner>}
      <div className="lst-Header-tabs">
        <Tabs
          label={trans.__('Views of the model')}
          current={model.tab}
          onChange={tab => {
            model.tab = tab as Tab;
          }}
          tabs={[
            { id: 'version', label: trans.__('Version') },
            { id: 'versions', label: trans.__('All versions') },
            { id: 'approvals', label: trans.__('Approvals'), badge: waiting || undefined },
            { id: 'history', label: trans.__('History') },
            { id: 'webhooks', label: trans.__('Webhooks') }
          ]}
        />
        <span className="lst-Fill" />
        {model.tab === 'version' && number !== null && (
          <div className="lst-Select">
            <select
              aria-label={trans.__('Version')}
              value={number}
              onChange={event => {
                model.chosen = Number(event.target.value);
              }}
            >
              {detail.versions.map(({ version, aliases }) => (
                <option key={version} value={version}>
                  {[trans.__('Version %1', version), ...aliases].join(' · ')}
                </option>
              ))}
            </select>
          </div>
        )}
      </div>
    </header>
  );
}
