import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

/** A small button with an icon only; its label is its name and its tip. */
export function IconButton(props: {
  icon: LabIcon;
  label: string;
  onClick: (event: React.MouseEvent) => void;
  disabled?: boolean;
  pressed?: boolean;
  tabIndex?: number;
}): JSX.Element {
  return (
    <button
      type="button"
      className="lst-IconButton"
      title={props.label}
      aria-label={props.label}
      aria-pressed={props.pressed}
      disabled={props.disabled}
      tabIndex={props.tabIndex}
      onClick={event => {
        event.stopPropagation();
        props.onClick(event);
      }}
    >
      <props.icon.react tag="span" elementSize="normal" />
    </button>
  );
}

/** A button with words, and an icon if there is one. */
export function Button(props: {
  children: React.ReactNode;
  onClick?: (event: React.MouseEvent) => void;
  icon?: LabIcon;
  kind?: 'primary' | 'danger' | 'plain';
  type?: 'button' | 'submit';
  disabled?: boolean;
  title?: string;
}): JSX.Element {
  const { icon: Icon, children } = props;
  return (
    <button
      type={props.type ?? 'button'}
      className="lst-Button"
      data-kind={props.kind ?? 'plain'}
      disabled={props.disabled}
      title={props.title ?? (Icon && typeof children === 'string' ? children : undefined)}
      onClick={props.onClick}
    >
      {Icon && <Icon.react tag="span" elementSize="normal" />}
      <span>{children}</span>
    </button>
  );
}

export interface ITab {
  id: string;
  label: string;
  badge?: string | number;
}

/** Tabs after the ARIA pattern: arrows move between them. */
export function Tabs(props: {
  tabs: readonly ITab[];
  current: string;
  label: string;
  onChange: (id: string) => void;
}): JSX.Element {
  const list = React.useRef<HTMLDivElement>(null);
  const move = (event: React.KeyboardEvent) => {
    const at = props.tabs.findIndex(tab => tab.id === props.current);
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step) {
      event.preventDefault();
      const next = (at + step + props.tabs.length) % props.tabs.length;
      props.onChange(props.tabs[next].id);
      (list.current?.children[next] as HTMLElement | undefined)?.focus();
    }
  };
  return (
    <div className="lst-Tabs" role="tablist" aria-label={props.label} ref={list} onKeyDown={move}>
      {props.tabs.map(tab => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          data-tab={tab.id}
          aria-selected={tab.id === props.current}
          tabIndex={tab.id === props.current ? 0 : -1}
          onClick={() => props.onChange(tab.id)}
        >
          {tab.label}
          {tab.badge !== undefined && tab.badge !== '' && (
            <span className="lst-Badge">{tab.badge}</span>
          )}
        </button>
      ))}
    </div>
  );
}

/** One sentence that matters, in the colour of how much. */
export function Banner(props: {
  kind: 'error' | 'warning' | 'info';
  children: React.ReactNode;
  actions?: React.ReactNode;
}): JSX.Element {
  return (
    <div
      className="lst-Banner"
      data-kind={props.kind}
      role={props.kind === 'error' ? 'alert' : 'status'}
    >
      <div className="lst-Banner-text">{props.children}</div>
      {props.actions && <div className="lst-Banner-actions">{props.actions}</div>}
    </div>
  );
}

/** What an empty place says: one line that teaches, and the thing to do. */
export function Empty(props: { children: React.ReactNode; action?: React.ReactNode }): JSX.Element {
  return (
    <div className="lst-Empty">
      <p>{props.children}</p>
      {props.action}
    </div>
  );
}

/** Names and values, aligned. */
export function Facts(props: {
  items: readonly (readonly [string, React.ReactNode])[];
}): JSX.Element {
  return (
    <dl className="lst-Facts">
      {props.items
        .filter(
          ([, value]) => value !== null && value !== undefined && value !== '' && value !== false
        )
        .map(([name, value]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
    </dl>
  );
}
