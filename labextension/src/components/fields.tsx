import * as React from 'react';

interface ILabelled {
  label: string;
  id: string;
  hint?: React.ReactNode;
  error?: string | null;
}

/** A label, a control, what is wrong with it or a hint. */
export function Field(
  props: ILabelled & { children: React.ReactNode; wide?: boolean }
): JSX.Element {
  return (
    <div className="lst-Field" data-wide={props.wide} data-invalid={!!props.error}>
      <label htmlFor={props.id}>{props.label}</label>
      {props.children}
      {props.error ? (
        <div className="lst-Field-error" role="alert" id={`${props.id}-note`}>
          {props.error}
        </div>
      ) : (
        props.hint && (
          <div className="lst-Field-hint" id={`${props.id}-note`}>
            {props.hint}
          </div>
        )
      )}
    </div>
  );
}

export function TextField(
  props: ILabelled & {
    value: string;
    onChange: (value: string) => void;
    placeholder?: string;
    rows?: number;
    mono?: boolean;
    wide?: boolean;
    disabled?: boolean;
    list?: string;
    after?: React.ReactNode;
  }
): JSX.Element {
  const common = {
    id: props.id,
    value: props.value,
    placeholder: props.placeholder,
    spellCheck: false,
    disabled: props.disabled,
    'aria-invalid': !!props.error,
    'aria-describedby': `${props.id}-note`,
    'data-mono': props.mono
  };
  return (
    <Field {...props}>
      <div className="lst-Field-row">
        {props.rows ? (
          <textarea
            {...common}
            rows={Math.max(props.rows, Math.min(8, props.value.split('\n').length))}
            onChange={event => props.onChange(event.target.value)}
          />
        ) : (
          <input
            {...common}
            type="text"
            list={props.list}
            onChange={event => props.onChange(event.target.value)}
          />
        )}
        {props.after}
      </div>
    </Field>
  );
}

export function SelectField<T extends string>(
  props: ILabelled & {
    value: T;
    options: readonly (readonly [T, string])[];
    onChange: (value: T) => void;
  }
): JSX.Element {
  return (
    <Field {...props}>
      <div className="lst-Select">
        <select
          id={props.id}
          value={props.value}
          aria-describedby={`${props.id}-note`}
          onChange={event => props.onChange(event.target.value as T)}
        >
          {props.options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </div>
    </Field>
  );
}

export function CheckField(props: {
  id: string;
  label: string;
  value: boolean;
  hint?: React.ReactNode;
  onChange: (value: boolean) => void;
}): JSX.Element {
  return (
    <div className="lst-Check">
      <input
        id={props.id}
        type="checkbox"
        checked={props.value}
        onChange={event => props.onChange(event.target.checked)}
      />
      <label htmlFor={props.id}>
        {props.label}
        {props.hint && <span>{props.hint}</span>}
      </label>
    </div>
  );
}
