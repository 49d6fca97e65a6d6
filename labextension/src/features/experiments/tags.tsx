import { addIcon, closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IconButton } from '../../components/basics';
import { useTrans } from '../../components/context';
import type { TableActions } from './actions';
import { ownTags, tagText } from './cells';

/** Read `key`, `key=value` or `key: value`. */
export function readTag(text: string): [string, string] | null {
  const match = /^\s*([^=:]*[^=:\s])\s*(?:[=:]\s*(.*?)\s*)?$/.exec(text);
  return match ? [match[1], match[2] ?? 'true'] : null;
}

/** Tags of the runs that are meant: those they have, to be taken away, and one to be added. */
export function TagEditor(props: { actions: TableActions }): JSX.Element {
  const { actions } = props;
  const { model } = actions;
  const trans = useTrans();
  const id = React.useId();
  const [text, setText] = React.useState('');
  const chosen = model.selected;
  const { current } = actions;
  const found = new Map<string, Set<string>>();
  for (const run of model.results?.loaded() ?? []) {
    if (chosen > 0 ? model.selection.has(run.id) : run.id === current?.id) {
      for (const [key, value] of ownTags(run)) {
        found.set(key, (found.get(key) ?? new Set()).add(value));
      }
    }
  }
  const tag = readTag(text);
  const add = () => {
    if (tag) {
      void actions.tag({ [tag[0]]: tag[1] });
      setText('');
    }
  };
  return (
    <>
      <h3>
        {chosen > 0
          ? trans._n('Tags of one run', 'Tags of %1 runs', chosen)
          : trans.__('Tags of %1', current?.name ?? '')}
      </h3>
      <div className="lst-TagEditor">
        {[...found].map(([key, values]) => (
          <span key={key} className="lst-Chip">
            {values.size === 1 ? tagText(key, [...values][0]) : trans.__('%1: several', key)}
            <IconButton
              icon={closeIcon}
              label={trans.__('Take the tag %1 away', key)}
              onClick={() => void actions.tag({ [key]: null })}
            />
          </span>
        ))}
        {found.size === 0 && <span className="lst-Quiet">{trans.__('No tag yet.')}</span>}
      </div>
      <div className="lst-Inline">
        <input
          type="text"
          data-first
          value={text}
          list={`${id}-keys`}
          placeholder={trans.__('key = value')}
          aria-label={trans.__('A tag to add')}
          onChange={event => setText(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Enter') {
              add();
            }
          }}
        />
        <datalist id={`${id}-keys`}>
          {model.known.tags
            .filter(each => !each.key.startsWith('labstudio.'))
            .map(each => (
              <option key={each.key} value={`${each.key} = `} />
            ))}
        </datalist>
        <IconButton icon={addIcon} label={trans.__('Add the tag')} disabled={!tag} onClick={add} />
      </div>
    </>
  );
}
