import { editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Banner, Button, IconButton } from '../../../components/basics';
import { useTrans } from '../../../components/context';
import type { RunModel } from '../model';
import { Rendered } from '../tools';

/** The note of a run: Markdown, changed in place. */
export function Note(props: { model: RunModel; text: string }): JSX.Element {
  const { model, text } = props;
  const trans = useTrans();
  const [draft, setDraft] = React.useState<string | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  const [saving, setSaving] = React.useState(false);
  const save = async () => {
    setSaving(true);
    const error = await model.edit({ note: draft ?? '' });
    setSaving(false);
    setProblem(error?.message ?? null);
    if (!error) {
      setDraft(null);
    }
  };
  if (draft === null) {
    return (
      <div className="lst-Note">
        <h3>
          {trans.__('Note')}
          <IconButton
            icon={editIcon}
            label={trans.__('Edit the note')}
            onClick={() => setDraft(text)}
          />
        </h3>
        {text ? (
          <Rendered type="text/markdown" data={text} />
        ) : (
          <button type="button" className="lst-Link" onClick={() => setDraft('')}>
            {trans.__('Write down what was tried here, and what came of it')}
          </button>
        )}
      </div>
    );
  }
  return (
    <form
      className="lst-Note"
      onSubmit={event => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          setDraft(null);
        } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          void save();
        }
      }}
    >
      <h3>{trans.__('Note')}</h3>
      {problem && <Banner kind="error">{problem}</Banner>}
      <textarea
        value={draft}
        rows={Math.max(4, Math.min(16, draft.split('\n').length + 1))}
        aria-label={trans.__('Note, in Markdown')}
        autoFocus
        onChange={event => setDraft(event.target.value)}
      />
      <div className="lst-Note-actions">
        <Button kind="primary" type="submit" disabled={saving}>
          {trans.__('Save')}
        </Button>
        <Button onClick={() => setDraft(null)}>{trans.__('Cancel')}</Button>
      </div>
    </form>
  );
}
