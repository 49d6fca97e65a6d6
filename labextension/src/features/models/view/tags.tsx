import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Banner, Button, IconButton } from '../../../components/basics';
import { useTrans } from '../../../components/context';

/** Tags, each removable, and a place to add one. */
export function Tags(props: {
  tags: Readonly<Record<string, string>>;
  onChange: (tags: Record<string, string | null>) => Promise<string | null>;
}): JSX.Element {
  const trans = useTrans();
  const [text, setText] = React.useState('');
  const [problem, setProblem] = React.useState<string | null>(null);
  const add = async () => {
    const at = text.indexOf('=');
    const [key, value] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
    if (key.trim()) {
      const failed = await props.onChange({ [key.trim()]: value.trim() });
      setProblem(failed);
      if (failed === null) {
        setText('');
      }
    }
  };
  return (
    <div className="lst-Tags">
      {Object.entries(props.tags).map(([key, value]) => (
        <span key={key} className="lst-Tag">
          <span>{value ? `${key}=${value}` : key}</span>
          <IconButton
            icon={closeIcon}
            label={trans.__('Remove the tag %1', key)}
            onClick={() => void props.onChange({ [key]: null }).then(setProblem)}
          />
        </span>
      ))}
      <form
        className="lst-Row"
        onSubmit={event => {
          event.preventDefault();
          void add();
        }}
      >
        <input
          type="text"
          value={text}
          placeholder={trans.__('name=value')}
          aria-label={trans.__('New tag, as name=value')}
          onChange={event => setText(event.target.value)}
        />
        {text.trim() && <Button type="submit">{trans.__('Add')}</Button>}
      </form>
      {problem && <Banner kind="error">{problem}</Banner>}
    </div>
  );
}
