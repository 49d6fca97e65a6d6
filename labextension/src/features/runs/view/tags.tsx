import { addIcon, closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Banner, Button, IconButton } from '../../../components/basics';
import { useTrans } from '../../../components/context';
import type { RunModel } from '../model';

/** The tags of a run; each can be changed or taken away, and others added. */
export function Tags(props: {
  model: RunModel;
  tags: Readonly<Record<string, string>>;
}): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  const [problem, setProblem] = React.useState<string | null>(null);
  const [adding, setAdding] = React.useState(false);
  // The studio's own are facts, which stand elsewhere.
  const names = Object.keys(props.tags)
    .filter(name => !name.startsWith('labstudio.'))
    .sort((a, b) => a.localeCompare(b));
  const set = async (name: string, value: string | null) => {
    const error = await model.edit({ tags: { [name]: value } });
    setProblem(error?.message ?? null);
    return !error;
  };
  return (
    <>
      <h3>
        {trans.__('Tags')}
        <IconButton icon={addIcon} label={trans.__('Add a tag')} onClick={() => setAdding(true)} />
      </h3>
      {problem && <Banner kind="error">{problem}</Banner>}
      {names.length === 0 && !adding && (
        <p className="lst-Quiet">{trans.__('Tags find runs again.')}</p>
      )}
      <dl className="lst-Facts lst-TagList">
        {names.map(name => (
          <Tag key={name} name={name} value={props.tags[name]} onSet={set} />
        ))}
      </dl>
      {adding && (
        <NewTag
          onAdd={async (name, value) => {
            if (await set(name, value)) {
              setAdding(false);
            }
          }}
          onCancel={() => setAdding(false)}
        />
      )}
    </>
  );
}

function Tag(props: {
  name: string;
  value: string;
  onSet: (name: string, value: string | null) => Promise<boolean>;
}): JSX.Element {
  const { name, value, onSet } = props;
  const trans = useTrans();
  const [draft, setDraft] = React.useState<string | null>(null);
  const done = async () => {
    if (draft === null || draft === value || (await onSet(name, draft))) {
      setDraft(null);
    }
  };
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {draft === null ? (
          <button
            type="button"
            className="lst-Tag"
            title={trans.__('Change it')}
            onClick={() => setDraft(value)}
          >
            {value || trans.__('(empty)')}
          </button>
        ) : (
          <input
            type="text"
            value={draft}
            autoFocus
            aria-label={trans.__('Value of %1', name)}
            onChange={event => setDraft(event.target.value)}
            onBlur={() => void done()}
            onKeyDown={event => {
              if (event.key === 'Enter') {
                void done();
              } else if (event.key === 'Escape') {
                event.stopPropagation();
                setDraft(null);
              }
            }}
          />
        )}
        <IconButton
          icon={closeIcon}
          label={trans.__('Take away the tag %1', name)}
          onClick={() => void onSet(name, null)}
        />
      </dd>
    </>
  );
}

function NewTag(props: {
  onAdd: (name: string, value: string) => Promise<void>;
  onCancel: () => void;
}): JSX.Element {
  const trans = useTrans();
  const [name, setName] = React.useState('');
  const [value, setValue] = React.useState('');
  return (
    <form
      className="lst-NewTag"
      onSubmit={event => {
        event.preventDefault();
        void props.onAdd(name.trim(), value);
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          props.onCancel();
        }
      }}
    >
      <input
        type="text"
        value={name}
        autoFocus
        placeholder={trans.__('name')}
        aria-label={trans.__('Name of the tag')}
        onChange={event => setName(event.target.value)}
      />
      <input
        type="text"
        value={value}
        placeholder={trans.__('value')}
        aria-label={trans.__('Value of the tag')}
        onChange={event => setValue(event.target.value)}
      />
      <Button type="submit" kind="primary" disabled={!name.trim()}>
        {trans.__('Add')}
      </Button>
      <Button onClick={props.onCancel}>{trans.__('Cancel')}</Button>
    </form>
  );
}
