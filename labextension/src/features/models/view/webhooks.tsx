import { addIcon } from '@jupyterlab/ui-components';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';

import { ApiError } from '../../../api/client';
import { Banner, Button, Empty, IconButton } from '../../../components/basics';
import { useTrans } from '../../../components/context';
import { TextField } from '../../../components/fields';
import { testIcon, trashIcon } from '../../../components/icons';
import { Table } from '../../../components/table';
import type { Webhook, WebhookPage, WebhookTest } from '../types';
import type { OneModel } from './model';

/** Who is told of changes in the registry: of every model, as MLflow's webhooks are. */
export function WebhooksTab(props: { model: OneModel }): JSX.Element {
  const { registry } = props.model;
  const trans = useTrans();
  const [page, setPage] = React.useState<WebhookPage | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  const [tests, setTests] = React.useState<Readonly<Record<string, WebhookTest | 'running'>>>({});
  const [adding, setAdding] = React.useState(false);
  const load = React.useCallback(
    () =>
      registry.webhooks().then(
        found => {
          setPage(found);
          setProblem(null);
        },
        reason => setProblem(ApiError.from(reason).message)
      ),
    [registry]
  );
  React.useEffect(() => void load(), [load]);
  const test = async (hook: Webhook) => {
    setTests(old => ({ ...old, [hook.id]: 'running' }));
    let result: WebhookTest;
    try {
      result = await registry.testWebhook(hook.id);
    } catch (reason) {
      result = { ok: false, status: null, message: ApiError.from(reason).message };
    }
    setTests(old => ({ ...old, [hook.id]: result }));
  };
  const remove = async (hook: Webhook) => {
    const answer = await showDialog({
      title: trans.__('Delete the webhook?'),
      body: trans.__('“%1” is told of nothing any more.', hook.name),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })]
    });
    if (answer.button.accept) {
      await registry.deleteWebhook(hook.id).catch(reason => {
        setProblem(ApiError.from(reason).message);
      });
      await load();
    }
  };
  const items = page?.items ?? [];
  return (
    <div className="lst-ModelView-part">
      <p className="lst-Quiet">
        {trans.__('Webhooks are told of changes of every model, by a signed request each.')}
      </p>
      {problem && <Banner kind="error">{problem}</Banner>}
      {page && items.length === 0 && !adding && (
        <Empty>{trans.__('Nobody is told of changes yet.')}</Empty>
      )}
      {items.length > 0 && (
        <div className="lst-Sideways">
          <Table
            label={trans.__('Webhooks')}
            items={items}
            id={hook => hook.id}
            columns={[
              { head: trans.__('Name'), kind: 'wrap', cell: hook => hook.name },
              { head: trans.__('Address'), kind: 'wrap', cell: hook => <code>{hook.url}</code> },
              {
                head: trans.__('Told of'),
                kind: 'wrap',
                cell: hook => hook.events.join(', ')
              },
              {
                head: trans.__('Test'),
                kind: 'wrap',
                cell: hook => <TestWords result={tests[hook.id]} />
              },
              {
                head: '',
                cell: hook => (
                  <span className="lst-Inline">
                    <IconButton
                      icon={testIcon}
                      label={trans.__('Send a test to %1', hook.name)}
                      disabled={tests[hook.id] === 'running'}
                      onClick={() => void test(hook)}
                    />
                    <IconButton
                      icon={trashIcon}
                      label={trans.__('Delete the webhook %1', hook.name)}
                      onClick={() => void remove(hook)}
                    />
                  </span>
                )
              }
            ]}
          />
        </div>
      )}
      {adding && page ? (
        <Add
          model={props.model}
          events={page.events}
          onDone={() => {
            setAdding(false);
            void load();
          }}
        />
      ) : (
        <div className="lst-Row">
          <Button icon={addIcon} disabled={!page} onClick={() => setAdding(true)}>
            {trans.__('Add a webhook')}
          </Button>
        </div>
      )}
    </div>
  );
}

function TestWords(props: { result: WebhookTest | 'running' | undefined }): JSX.Element | null {
  const { result } = props;
  const trans = useTrans();
  return result ? (
    <span aria-live="polite">{result === 'running' ? trans.__('Sending…') : result.message}</span>
  ) : null;
}

function Add(props: {
  model: OneModel;
  events: readonly string[];
  onDone: () => void;
}): JSX.Element {
  const { registry } = props.model;
  const trans = useTrans();
  const id = React.useId();
  const [name, setName] = React.useState('');
  const [url, setUrl] = React.useState('');
  const [secret, setSecret] = React.useState('');
  const [events, setEvents] = React.useState<readonly string[]>(props.events);
  const [problem, setProblem] = React.useState<ApiError | null>(null);
  const errorAt = (field: string) => (problem?.field === field ? problem.message : null);
  const placed = ['name', 'url', 'secret'].some(errorAt);
  const send = async () => {
    try {
      await registry.createWebhook({
        name: name.trim(),
        url: url.trim(),
        events: [...events],
        secret: secret || null
      });
      props.onDone();
    } catch (reason) {
      setProblem(ApiError.from(reason));
    }
  };
  return (
    <form
      aria-label={trans.__('Add a webhook')}
      onSubmit={event => {
        event.preventDefault();
        void send();
      }}
    >
      <h3>{trans.__('Add a webhook')}</h3>
      {problem && !placed && <Banner kind="error">{problem.message}</Banner>}
      <div className="lst-Form-grid">
        <TextField
          id={`${id}-name`}
          label={trans.__('Name')}
          value={name}
          error={errorAt('name')}
          onChange={setName}
        />
        <TextField
          id={`${id}-url`}
          label={trans.__('Address')}
          value={url}
          placeholder={trans.__('https://example.org/hook')}
          error={errorAt('url')}
          onChange={setUrl}
        />
        <div className="lst-Field" data-wide>
          <label htmlFor={`${id}-secret`}>{trans.__('Secret')}</label>
          <input
            id={`${id}-secret`}
            type="password"
            autoComplete="new-password"
            value={secret}
            aria-describedby={`${id}-secret-note`}
            onChange={event => setSecret(event.target.value)}
          />
          <div className="lst-Field-hint" id={`${id}-secret-note`}>
            {errorAt('secret') ??
              trans.__('What requests are signed with. It is not shown again: keep it.')}
          </div>
        </div>
      </div>
      <fieldset className="lst-Events">
        <legend>{trans.__('Told of')}</legend>
        {props.events.map(event => (
          <label key={event} className="lst-Check">
            <input
              type="checkbox"
              checked={events.includes(event)}
              onChange={({ target }) =>
                setEvents(
                  target.checked ? [...events, event] : events.filter(each => each !== event)
                )
              }
            />
            {event}
          </label>
        ))}
      </fieldset>
      <div className="lst-Row">
        <Button
          kind="primary"
          type="submit"
          disabled={!name.trim() || !url.trim() || events.length === 0}
        >
          {trans.__('Add webhook')}
        </Button>
        <Button onClick={props.onDone}>{trans.__('Cancel')}</Button>
      </div>
    </form>
  );
}
