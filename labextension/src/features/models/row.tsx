import * as React from 'react';

import { IconButton } from '../../components/basics';
import { useServices } from '../../components/context';
import { cardIcon, lineageIcon, modelIcon, starFullIcon, starIcon } from '../../components/nouns';
import { When } from '../../components/state';
import { CommandIDs } from '../../tokens';
import { aliasesOf } from './words';
import type { Model } from './types';

export const ROW_HEIGHT = 46;

/** One registered model in the sidebar: its newest version, its aliases, and what asks for someone. */
export function ModelRow(props: {
  id: string;
  model: Model;
  /** Why its card is stale; null when it is not. */
  stale: string | null;
  selected: boolean;
  onSelect: () => void;
  onFavourite: (favourite: boolean) => void;
}): JSX.Element {
  const { model, stale } = props;
  const { commands, trans } = useServices();
  const open = () => void commands.execute(CommandIDs.openModel, { model: model.name });
  const newest = model.latest_version;
  const waits = model.pending > 0 && trans._n('%1 waits', '%1 wait', model.pending);
  return (
    <div
      id={props.id}
      className="lst-JobRow lst-ModelRow"
      role="option"
      aria-selected={props.selected}
      aria-label={[
        model.name,
        newest && trans.__('version %1', newest),
        waits && trans.__('waits for approval'),
        stale !== null && trans.__('card is stale')
      ]
        .filter(Boolean)
        .join(', ')}
      data-model={model.name}
      data-focused={props.selected}
      style={{ height: ROW_HEIGHT }}
      title={[model.name, model.description, stale].filter(Boolean).join('\n')}
      onMouseDown={props.onSelect}
      onDoubleClick={open}
    >
      <span className="lst-StateIcon" aria-hidden="true">
        <modelIcon.react tag="span" />
      </span>
      <div className="lst-JobRow-text">
        <div className="lst-JobRow-line">
          <div className="lst-JobRow-name" onClick={open}>
            {model.name}
          </div>
          <span className="lst-ModelRow-marks">
            {waits && (
              <span className="lst-Mark" data-kind="waits" title={trans.__('Waits for approval')}>
                {waits}
              </span>
            )}
            {stale !== null && (
              <span className="lst-Mark" data-kind="stale" title={stale || undefined}>
                {trans.__('stale card')}
              </span>
            )}
          </span>
        </div>
        <div className="lst-JobRow-more">
          {newest !== null && newest !== undefined && <span>{trans.__('v%1', newest)}</span>}
          {aliasesOf(model).map(([alias, version]) => (
            <span key={alias}>{trans.__('%1: v%2', alias, version)}</span>
          ))}
          <When at={model.updated_at} />
        </div>
      </div>
      <div
        className="lst-JobRow-actions"
        data-kept={model.favourite}
        onMouseDown={event => event.stopPropagation()}
      >
        {newest !== null && newest !== undefined && (
          <>
            <IconButton
              icon={cardIcon}
              label={trans.__('Model card')}
              tabIndex={-1}
              onClick={() =>
                void commands.execute(CommandIDs.openCard, { model: model.name, version: newest })
              }
            />
            <IconButton
              icon={lineageIcon}
              label={trans.__('Lineage')}
              tabIndex={-1}
              onClick={() =>
                void commands.execute(CommandIDs.openLineage, {
                  object: `model:${model.name}/${newest}`
                })
              }
            />
          </>
        )}
        <IconButton
          icon={model.favourite ? starFullIcon : starIcon}
          label={
            model.favourite ? trans.__('No longer a favourite') : trans.__('Make it a favourite')
          }
          pressed={model.favourite}
          tabIndex={-1}
          onClick={() => props.onFavourite(!model.favourite)}
        />
      </div>
    </div>
  );
}
