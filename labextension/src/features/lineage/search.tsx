import { searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { useTrans } from '../../components/context';
import { KindMark } from '../../components/kind';
import type { Node } from './api';
import { kindWord } from './kinds';
import type { LineageModel } from './model';

const PAUSE_MS = 200;

/** Find an object by its name and put it into the middle. */
export function Search(props: { model: LineageModel }): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  const [text, setText] = React.useState('');
  const [found, setFound] = React.useState<readonly Node[] | null>(null);
  const [at, setAt] = React.useState(0);
  const id = React.useId();
  React.useEffect(() => {
    if (!text.trim()) {
      setFound(null);
      return;
    }
    let live = true;
    const timer = window.setTimeout(() => {
      model.search(text.trim()).then(
        nodes => {
          if (live) {
            setFound(nodes);
            setAt(0);
          }
        },
        () => live && setFound([])
      );
    }, PAUSE_MS);
    return () => {
      live = false;
      window.clearTimeout(timer);
    };
  }, [model, text]);
  const choose = (node: Node | undefined) => {
    if (node) {
      model.focus(node.id);
      setText('');
    }
  };
  const onKey = (event: React.KeyboardEvent) => {
    const last = (found?.length ?? 0) - 1;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      setAt(Math.max(0, Math.min(last, at + (event.key === 'ArrowDown' ? 1 : -1))));
    } else if (event.key === 'Enter') {
      choose(found?.[at]);
    } else if (event.key === 'Escape' && text) {
      setText('');
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      className="lst-Lineage-search"
      onBlur={event => {
        if (!event.currentTarget.contains(event.relatedTarget)) {
          setFound(null);
        }
      }}
    >
      <div className="lst-Filters-text">
        <searchIcon.react tag="span" elementSize="normal" />
        <input
          type="search"
          role="combobox"
          value={text}
          spellCheck={false}
          placeholder={trans.__('Find a file, run or model')}
          aria-label={trans.__('Find an object by its name')}
          aria-expanded={found !== null}
          aria-controls={`${id}-found`}
          aria-activedescendant={found?.length ? `${id}-${at}` : undefined}
          onChange={event => setText(event.target.value)}
          onKeyDown={onKey}
        />
      </div>
      {found && (
        <ul id={`${id}-found`} role="listbox" aria-label={trans.__('Found')}>
          {found.map((node, index) => (
            <li
              key={node.id}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === at}
              onMouseDown={event => {
                event.preventDefault();
                choose(node);
              }}
            >
              <KindMark kind={node.kind} />
              <span>{node.label}</span>
              <span className="lst-Quiet">{kindWord(node.kind, trans)}</span>
            </li>
          ))}
          {found.length === 0 && (
            <li className="lst-Quiet" role="presentation">
              {trans.__('Nothing recorded has this in its name.')}
            </li>
          )}
        </ul>
      )}
    </div>
  );
}
