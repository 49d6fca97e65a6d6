import * as React from 'react';

import { Banner, Button } from '../../../components/basics';
import { useTrans } from '../../../components/context';
import { SelectField, TextField } from '../../../components/fields';
import { When } from '../../../components/state';
import { moment } from '../../../format';
import type { Approval } from '../types';
import type { OneModel } from './model';

/** Ask that a version be promoted, decide what was asked, and see what was decided before. */
export function ApprovalsTab(props: { model: OneModel }): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  const waiting = model.approvals.filter(each => each.state === 'pending');
  const past = model.approvals.filter(each => each.state !== 'pending');
  return (
    <div className="lst-ModelView-part">
      {waiting.length > 0 && (
        <section>
          <h3>{trans.__('Waiting for a decision')}</h3>
          {waiting.map(approval => (
            <Waiting key={approval.id} model={model} approval={approval} />
          ))}
        </section>
      )}
      <Ask model={model} />
      <section>
        <h3>{trans.__('Decided')}</h3>
        {past.length === 0 ? (
          <p className="lst-Quiet">{trans.__('Nothing was decided yet.')}</p>
        ) : (
          <ul className="lst-Approvals" aria-label={trans.__('Decided')}>
            {past.map(approval => (
              <Past key={approval.id} approval={approval} />
            ))}
          </ul>
        )}
      </section>
    </div>
  );
}

function Ask(props: { model: OneModel }): JSX.Element | null {
  const { model } = props;
  const trans = useTrans();
  const { detail } = model;
  const id = React.useId();
  const [version, setVersion] = React.useState<number | null>(null);
  const [alias, setAlias] = React.useState(detail?.protected[0] ?? 'production');
  const [comment, setComment] = React.useState('');
  const [problem, setProblem] = React.useState<string | null>(null);
  if (!detail || detail.versions.length === 0) {
    return null;
  }
  const number = version ?? model.number ?? detail.versions[0].version;
  const asked = model.approvals.some(
    each => each.state === 'pending' && each.version === number && each.alias === alias.trim()
  );
  const isProtected = detail.protected.includes(alias.trim());
  const send = async () => {
    const wanted = { model: model.name, version: number, alias: alias.trim() };
    const failed = await model.act(() =>
      isProtected
        ? model.registry.ask({ ...wanted, comment })
        : model.registry.setAlias(wanted.model, wanted.alias, wanted.version)
    );
    setProblem(failed);
    if (failed === null) {
      setComment('');
    }
  };
  const now = detail.aliases[alias.trim()];
  return (
    <section>
      <form
        aria-label={trans.__('Promote a version')}
        onSubmit={event => {
          event.preventDefault();
          void send();
        }}
      >
        <h3>{trans.__('Promote a version')}</h3>
        <div className="lst-Form-grid">
          <SelectField
            id={`${id}-version`}
            label={trans.__('Version')}
            value={String(number)}
            options={detail.versions.map(each => [
              String(each.version),
              [trans.__('Version %1', each.version), ...each.aliases].join(' · ')
            ])}
            onChange={value => setVersion(Number(value))}
          />
          <TextField
            id={`${id}-alias`}
            label={trans.__('Becomes')}
            value={alias}
            list={`${id}-aliases`}
            hint={
              now !== undefined
                ? trans.__('Version %1 has this alias now.', now)
                : trans.__('An alias that no version has yet.')
            }
            onChange={setAlias}
          />
          <datalist id={`${id}-aliases`}>
            {[...new Set([...detail.protected, ...Object.keys(detail.aliases)])].map(each => (
              <option key={each} value={each} />
            ))}
          </datalist>
          {isProtected && (
            <TextField
              wide
              id={`${id}-comment`}
              label={trans.__('Why')}
              rows={2}
              value={comment}
              placeholder={trans.__('What whoever decides should know')}
              onChange={setComment}
            />
          )}
        </div>
        {problem && <Banner kind="error">{problem}</Banner>}
        <div className="lst-Row">
          <Button kind="primary" type="submit" disabled={!alias.trim() || now === number || asked}>
            {isProtected ? trans.__('Ask for approval') : trans.__('Set the alias')}
          </Button>
          <span className="lst-Quiet">
            {isProtected
              ? asked
                ? trans.__('This is asked for already.')
                : trans.__('“%1” is set when the request is approved.', alias.trim())
              : trans.__('“%1” needs no approval.', alias.trim())}
          </span>
        </div>
      </form>
    </section>
  );
}

function Waiting(props: { model: OneModel; approval: Approval }): JSX.Element {
  const { model, approval } = props;
  const trans = useTrans();
  const id = React.useId();
  const [comment, setComment] = React.useState('');
  const [problem, setProblem] = React.useState<string | null>(null);
  const act = async (action: () => Promise<unknown>) => setProblem(await model.act(action));
  return (
    <div className="lst-Approval" data-approval={approval.id}>
      <p>
        <strong>{trans.__('Version %1 as “%2”', approval.version, approval.alias)}</strong>{' '}
        <span className="lst-Quiet">
          {trans.__('asked by %1', approval.requested_by)} <When at={approval.requested_at} />
          {approval.replaces !== null &&
            approval.replaces !== undefined &&
            ` · ${trans.__('in place of version %1', approval.replaces)}`}
        </span>
      </p>
      {approval.comment && <blockquote>{approval.comment}</blockquote>}
      <TextField
        id={`${id}-comment`}
        label={trans.__('Your comment')}
        rows={2}
        value={comment}
        onChange={setComment}
      />
      {problem && <Banner kind="error">{problem}</Banner>}
      <div className="lst-Row">
        <Button
          kind="primary"
          onClick={() => void act(() => model.registry.decide(approval, true, comment))}
        >
          {trans.__('Approve')}
        </Button>
        <Button
          kind="danger"
          onClick={() => void act(() => model.registry.decide(approval, false, comment))}
        >
          {trans.__('Reject')}
        </Button>
        <Button onClick={() => void act(() => model.registry.withdraw(approval))}>
          {trans.__('Withdraw')}
        </Button>
      </div>
    </div>
  );
}

function Past(props: { approval: Approval }): JSX.Element {
  const { approval } = props;
  const trans = useTrans();
  const words: Record<Approval['state'], string> = {
    pending: trans.__('Waits'),
    approved: trans.__('Approved'),
    rejected: trans.__('Rejected'),
    withdrawn: trans.__('Withdrawn')
  };
  return (
    <li data-state={approval.state}>
      <span className="lst-Mark" data-kind={approval.state}>
        {words[approval.state]}
      </span>
      <div>
        <p>
          {trans.__('Version %1 as “%2”', approval.version, approval.alias)}{' '}
          <span className="lst-Quiet">
            {approval.decided_by
              ? trans.__('by %1, %2', approval.decided_by, moment(approval.decided_at))
              : moment(approval.decided_at)}
            {approval.own && ` · ${trans.__('who also asked for it')}`}
          </span>
        </p>
        {approval.comment && (
          <p className="lst-Quiet">
            {trans.__('%1 asked: %2', approval.requested_by, approval.comment)}
          </p>
        )}
        {approval.decision_comment && <blockquote>{approval.decision_comment}</blockquote>}
      </div>
    </li>
  );
}
