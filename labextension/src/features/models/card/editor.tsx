import { downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Banner, Button, Tabs } from '../../../components/basics';
import { useServices, useSignal } from '../../../components/context';
import { rerunIcon } from '../../../components/icons';
import { cardIcon, modelIcon } from '../../../components/nouns';
import { When } from '../../../components/state';
import { moment } from '../../../format';
import { CommandIDs } from '../../../tokens';
import { CardDocument } from './document';
import { CardForm } from './form';
import type { CardModel } from './model';
import { Review } from './review';
import { cardWord } from './words';

/** A model version's card: the document beside the form that fills what only a person knows. */
export function CardEditor(props: { model: CardModel }): JSX.Element | null {
  const { model } = props;
  const { trans } = useServices();
  useSignal(model.changed);
  const [shown, setShown] = React.useState<'document' | 'form'>('document');
  const root = React.useRef<HTMLDivElement>(null);
  const id = React.useId();
  const { card } = model;
  if (!card) {
    return model.error ? (
      <Banner
        kind="error"
        actions={<Button onClick={() => void model.refresh()}>{trans.__('Try again')}</Button>}
      >
        {model.error.message}
      </Banner>
    ) : null;
  }
  const ask = (field: string) => {
    setShown('form');
    window.requestAnimationFrame(() => {
      const input = root.current?.querySelector<HTMLElement>(
        `[data-field="${CSS.escape(field)}"] :is(input, textarea, select)`
      );
      input?.scrollIntoView({ block: 'center' });
      input?.focus();
    });
  };
  return (
    <div className="lst-CardEditor" ref={root}>
      <Head model={model} />
      <div className="lst-CardEditor-tabs">
        <Tabs
          label={trans.__('Views of the card')}
          current={shown}
          onChange={next => setShown(next as 'document' | 'form')}
          tabs={[
            { id: 'document', label: trans.__('Card') },
            {
              id: 'form',
              label: trans.__('What you know'),
              badge: card.missing.length || undefined
            }
          ]}
        />
      </div>
      <div className="lst-CardEditor-body" data-shown={shown}>
        <div className="lst-Scroll lst-CardEditor-document">
          <CardDocument card={card} onAsk={ask} />
        </div>
        <div className="lst-CardEditor-form">
          <div className="lst-Scroll">
            <CardForm model={model} id={id} />
          </div>
          {model.editable && <Foot model={model} />}
        </div>
      </div>
    </div>
  );
}

function Foot(props: { model: CardModel }): JSX.Element {
  const { model } = props;
  const { trans } = useServices();
  const lacking =
    model.card?.missing.filter(
      each => each.required && ['', 'Unknown'].includes(model.value(each.field))
    ) ?? [];
  return (
    <footer className="lst-CardEditor-foot">
      <span className="lst-Quiet" role="status">
        {model.dirty
          ? trans.__('Not saved yet')
          : lacking.length > 0
            ? trans._n(
                '%1 part is needed before review',
                '%1 parts are needed before review',
                lacking.length
              )
            : ''}
      </span>
      {model.dirty && (
        <Button disabled={model.busy} onClick={() => model.revert()}>
          {trans.__('Discard')}
        </Button>
      )}
      <Button
        kind={model.dirty ? 'primary' : 'plain'}
        disabled={model.busy || !model.dirty}
        onClick={() => void model.save()}
      >
        {trans.__('Save')}
      </Button>
      {(model.card?.state === 'draft' || model.dirty) && (
        <Button
          kind={model.dirty ? 'plain' : 'primary'}
          disabled={model.busy || lacking.length > 0}
          title={trans.__('Send it to whoever approves cards')}
          onClick={() => void model.submit()}
        >
          {trans.__('Submit for review')}
        </Button>
      )}
    </footer>
  );
}

function Head(props: { model: CardModel }): JSX.Element | null {
  const { model } = props;
  const { commands, trans } = useServices();
  const { card } = model;
  if (!card) {
    return null;
  }
  const problem = model.problem && (model.problem.status !== 409 || !model.conflict);
  return (
    <header className="lst-Header">
      <div className="lst-Header-top">
        <span className="lst-StateIcon" aria-hidden="true">
          <cardIcon.react tag="span" />
        </span>
        <div className="lst-Header-title">
          <h2>{trans.__('Card of %1, version %2', card.model, card.model_version)}</h2>
          <p>
            <span>
              <span className="lst-Mark" data-kind={card.state}>
                {cardWord(card.state, trans)}
              </span>
            </span>
            {card.version > 0 ? (
              <span>{trans.__('card version %1', card.version)}</span>
            ) : (
              <span>{trans.__('filled from what is known, not saved yet')}</span>
            )}
            {card.user && <span>{card.user}</span>}
            <When at={card.updated_at} />
            {card.decided_by && (
              <span>{trans.__('decided by %1, %2', card.decided_by, moment(card.decided_at))}</span>
            )}
          </p>
        </div>
        <div className="lst-Header-actions" role="toolbar" aria-label={trans.__('Actions')}>
          <Button
            icon={modelIcon}
            onClick={() =>
              void commands.execute(CommandIDs.openModel, {
                model: card.model,
                version: card.model_version
              })
            }
          >
            {trans.__('Model')}
          </Button>
          {model.editable && (
            <Button
              icon={rerunIcon}
              disabled={model.busy}
              title={trans.__('Fill it again from the run, the data and the reports')}
              onClick={() => void model.renew()}
            >
              {trans.__('Refresh from facts')}
            </Button>
          )}
          <Exports model={model} />
          {model.editable && <Import model={model} />}
        </div>
      </div>
      {model.chosen !== null && (
        <Banner
          kind="info"
          actions={
            <Button
              onClick={() => {
                model.chosen = null;
              }}
            >
              {trans.__('Show the newest')}
            </Button>
          }
        >
          {trans.__('This is version %1 of the card, to read only.', card.version)}
        </Banner>
      )}
      {card.stale && (
        <Banner
          kind="warning"
          actions={
            model.editable && (
              <Button disabled={model.busy} onClick={() => void model.renew()}>
                {trans.__('Refresh from facts')}
              </Button>
            )
          }
        >
          <strong>{trans.__('Stale.')}</strong>{' '}
          {card.stale_reasons.map(reason => reason.message).join(' ')}
        </Banner>
      )}
      {card.state === 'approved' && model.editable && (
        <Banner kind="info">
          {trans.__('Approved, and kept as it is: a change begins a new version of the card.')}
        </Banner>
      )}
      {card.state === 'rejected' && (
        <Banner kind="warning">
          {card.comment ? trans.__('Rejected: %1', card.comment) : trans.__('Rejected.')}
        </Banner>
      )}
      {model.conflict && (
        <Banner kind="warning">
          {trans.__(
            'Somebody changed the card meanwhile. What you typed is still here; where both wrote, theirs stands below the field. Save to keep yours.'
          )}
        </Banner>
      )}
      {problem && model.problem && <Banner kind="error">{model.problem.message}</Banner>}
      {model.error && <Banner kind="error">{model.error.message}</Banner>}
      {card.state === 'pending' && model.chosen === null && <Review model={model} />}
      <Versions model={model} />
    </header>
  );
}

function Versions(props: { model: CardModel }): JSX.Element | null {
  const { model } = props;
  const { trans } = useServices();
  const newest = model.cards[0];
  if (!newest || model.cards.length < 2) {
    return null;
  }
  return (
    <div className="lst-CardEditor-versions">
      <label className="lst-Inline">
        {trans.__('Version of the card')}
        <span className="lst-Select">
          <select
            value={model.chosen ?? newest.version}
            onChange={event => {
              const version = Number(event.target.value);
              model.chosen = version === newest.version ? null : version;
            }}
          >
            {model.cards.map(each => (
              <option key={each.id} value={each.version}>
                {[
                  trans.__('Version %1', each.version),
                  cardWord(each.state, trans),
                  moment(each.updated_at)
                ].join(' · ')}
              </option>
            ))}
          </select>
        </span>
      </label>
    </div>
  );
}

function Exports(props: { model: CardModel }): JSX.Element | null {
  const { model } = props;
  const { trans } = useServices();
  const { card } = model;
  if (!card) {
    return null;
  }
  return (
    <span className="lst-Exports" role="group" aria-label={trans.__('Export')}>
      {(['html', 'pdf', 'json'] as const).map(format => (
        <a
          key={format}
          className="lst-Button"
          href={model.registry.cardUrl(
            card.model,
            card.model_version,
            format,
            card.version || undefined
          )}
          download
          title={trans.__('Download the card as %1', format.toUpperCase())}
        >
          {format === 'html' && <downloadIcon.react tag="span" elementSize="normal" />}
          <b>{format.toUpperCase()}</b>
        </a>
      ))}
    </span>
  );
}

function Import(props: { model: CardModel }): JSX.Element {
  const { model } = props;
  const { trans } = useServices();
  const input = React.useRef<HTMLInputElement>(null);
  const read = async (file: File | undefined) => {
    if (file) {
      await model.bring(await file.text(), trans.__('“%1” is not a card in JSON.', file.name));
    }
  };
  return (
    <>
      <Button
        disabled={model.busy}
        title={trans.__('Take a card of SageMaker’s, in JSON, as a new draft')}
        onClick={() => input.current?.click()}
      >
        {trans.__('Import…')}
      </Button>
      <input
        ref={input}
        type="file"
        accept=".json,application/json"
        hidden
        aria-label={trans.__('A card in JSON')}
        onChange={event => {
          void read(event.target.files?.[0]);
          event.target.value = '';
        }}
      />
    </>
  );
}
