import { editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Banner, Button, IconButton } from '../../../components/basics';
import { useTrans } from '../../../components/context';

/** A text that is read, and edited in its place. What was typed outlives an error. */
export function Editable(props: {
  label: string;
  text: string;
  empty: string;
  limit: number;
  /** Save it; the sentence of what went wrong, if it did. */
  onSave: (text: string) => Promise<string | null>;
}): JSX.Element {
  const { label, text } = props;
  const trans = useTrans();
  const [draft, setDraft] = React.useState<string | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  const box = React.useRef<HTMLTextAreaElement>(null);
  const editing = draft !== null;
  React.useEffect(() => {
    if (editing) {
      box.current?.focus();
    }
  }, [editing]);
  const close = () => {
    setDraft(null);
    setProblem(null);
  };
  const save = async () => {
    const failed = await props.onSave(draft ?? '');
    setProblem(failed);
    if (failed === null) {
      close();
    }
  };
  if (!editing) {
    return (
      <section aria-label={label}>
        <h3>
          {label}
          <IconButton
            icon={editIcon}
            label={trans.__('Edit: %1', label)}
            onClick={() => setDraft(text)}
          />
        </h3>
        <p className={text ? 'lst-Text' : 'lst-Quiet'}>{text || props.empty}</p>
      </section>
    );
  }
  return (
    <section aria-label={label}>
      <h3>{label}</h3>
      <textarea
        ref={box}
        rows={4}
        maxLength={props.limit}
        aria-label={label}
        value={draft}
        onChange={event => setDraft(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape') {
            event.stopPropagation();
            close();
          } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.stopPropagation();
            void save();
          }
        }}
      />
      {problem && <Banner kind="error">{problem}</Banner>}
      <div className="lst-Row">
        <Button kind="primary" onClick={() => void save()}>
          {trans.__('Save')}
        </Button>
        <Button onClick={close}>{trans.__('Cancel')}</Button>
      </div>
    </section>
  );
}
