import * as React from 'react';

/** One of several, under its name, in a row of controls. */
export function Choose<T extends string>(props: {
  label: string;
  value: T;
  options: readonly (readonly [T, string, boolean?])[];
  onChange: (value: T) => void;
}): JSX.Element {
  return (
    <label>
      {props.label}
      <span className="lst-Select">
        <select
          aria-label={props.label}
          value={props.value}
          onChange={event => props.onChange(event.target.value as T)}
        >
          {props.options.map(([value, text, disabled]) => (
            <option key={value} value={value} disabled={disabled}>
              {text}
            </option>
          ))}
        </select>
      </span>
    </label>
  );
}
