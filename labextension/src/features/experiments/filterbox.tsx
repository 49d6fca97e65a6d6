import { closeIcon, filterIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IconButton } from '../../components/basics';
import { useTrans } from '../../components/context';
import type { TableActions } from './actions';
import type { ISuggestion } from './filter';
import { accept, hasValues, placeAt, suggest } from './filter';

const LOOK_UP_MS = 120;
const EXAMPLE = "metrics.auc > 0.9 AND params.model = 'xgb'";

/** MLflow's filter language, with completion of keys, operators and values. */
export function FilterBox(props: { actions: TableActions }): JSX.Element {
  const { model } = props.actions;
  const trans = useTrans();
  const id = React.useId();
  const input = React.useRef<HTMLInputElement>(null);
  const [text, setText] = React.useState(model.state.filter);
  const [caret, setCaret] = React.useState(0);
  const [open, setOpen] = React.useState(false);
  const [active, setActive] = React.useState(-1);
  const [values, setValues] = React.useState<readonly string[]>([]);
  const applied = model.state.filter;
  const wrong = model.filterError;

  React.useEffect(() => setText(applied), [applied]);
  React.useEffect(() => {
    props.actions.focusFilter = () => input.current?.focus();
  }, [props.actions]);

  const place = placeAt(text, caret);
  const asked = open && place.expected === 'value' && place.key && hasValues(place.key);
  const key = asked ? place.key : null;
  const typed = place.prefix.replace(/^['"]/, '').replace(/['"]$/, '');
  const { experiments } = model.state;
  React.useEffect(() => {
    if (key === null) {
      setValues([]);
      return;
    }
    const request = new AbortController();
    const timer = window.setTimeout(() => {
      model.runs.values(key, typed, experiments, request.signal).then(
        answer => setValues(answer.items),
        // A key that has no values to offer: one may be typed all the same.
        () => setValues([])
      );
    }, LOOK_UP_MS);
    return () => {
      window.clearTimeout(timer);
      request.abort();
    };
  }, [key, typed, model, experiments]);

  const offers = open ? suggest(place, model.known, values) : [];
  const chosen = Math.min(active, offers.length - 1);

  const look = () => {
    setCaret(input.current?.selectionStart ?? 0);
  };
  const apply = (filter: string) => {
    setOpen(false);
    setActive(-1);
    if (filter.trim() !== applied) {
      model.change({ filter: filter.trim() });
    }
  };
  const take = (offer: ISuggestion) => {
    const next = accept(text, place, offer.insert);
    setText(next.text);
    setCaret(next.at);
    setActive(-1);
    setOpen(true);
    window.requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(next.at, next.at);
    });
  };

  const onKey = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      setOpen(true);
      const count = offers.length;
      setActive(count ? (chosen + step + count + Number(chosen < 0 && step < 0)) % count : -1);
    } else if (
      event.key === 'Tab' &&
      !event.shiftKey &&
      open &&
      offers.length > 0 &&
      place.prefix
    ) {
      take(offers[Math.max(0, chosen)]);
    } else if (event.key === 'Enter') {
      if (chosen >= 0) {
        take(offers[chosen]);
      } else {
        apply(text);
      }
    } else if (event.key === 'Escape') {
      if (open && offers.length > 0) {
        setOpen(false);
        setActive(-1);
      } else {
        setText(applied);
      }
    } else if (event.key === ' ' && event.ctrlKey) {
      setOpen(true);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className="lst-FilterBox">
      <div className="lst-Filters-text">
        <filterIcon.react tag="span" elementSize="normal" />
        <input
          ref={input}
          type="text"
          role="combobox"
          data-mono="true"
          spellCheck={false}
          autoComplete="off"
          value={text}
          placeholder={EXAMPLE}
          aria-label={trans.__('Filter, in MLflow’s language')}
          aria-expanded={offers.length > 0}
          aria-controls={`${id}-offers`}
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
          aria-invalid={wrong !== null}
          aria-describedby={wrong ? `${id}-wrong` : undefined}
          onChange={event => {
            setText(event.target.value);
            setCaret(event.target.selectionStart ?? event.target.value.length);
            setOpen(true);
            setActive(-1);
          }}
          onFocus={() => {
            look();
            setOpen(true);
          }}
          onSelect={look}
          onKeyDown={onKey}
          onBlur={() => {
            setOpen(false);
            apply(text);
          }}
        />
        {text && (
          <IconButton
            icon={closeIcon}
            label={trans.__('Clear the filter')}
            onClick={() => {
              setText('');
              apply('');
            }}
          />
        )}
        {offers.length > 0 && (
          <ul
            className="lst-Offers"
            role="listbox"
            id={`${id}-offers`}
            aria-label={trans.__('Offers')}
          >
            {offers.map((offer, at) => (
              <li
                key={offer.label}
                id={`${id}-${at}`}
                role="option"
                aria-selected={at === chosen}
                ref={
                  at === chosen ? element => element?.scrollIntoView({ block: 'nearest' }) : null
                }
                onMouseDown={event => {
                  event.preventDefault();
                  take(offer);
                }}
              >
                <span>{offer.label}</span>
                {offer.detail && <small>{offer.detail}</small>}
              </li>
            ))}
          </ul>
        )}
      </div>
      {wrong ? (
        <div className="lst-Field-error" role="alert" id={`${id}-wrong`}>
          {wrong}
        </div>
      ) : (
        text.trim() !== applied && (
          <div className="lst-Field-hint">{trans.__('Enter applies it.')}</div>
        )
      )}
    </div>
  );
}
