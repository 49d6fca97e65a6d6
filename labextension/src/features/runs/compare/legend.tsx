import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Button, IconButton } from '../../../components/basics';
import { useServices, useSignal } from '../../../components/context';
import { CommandIDs } from '../../../tokens';
import { eyeIcon, hiddenIcon } from '../chart/icons';
import { useDark } from '../chart/theme';
import { colour } from '../colours';
import type { CompareModel } from './model';

/** The runs that are compared, in their colours; hidden, removed and looked at here. */
export function Legend(props: { model: CompareModel }): JSX.Element {
  const { model } = props;
  const { commands, trans } = useServices();
  const dark = useDark();
  useSignal(model.chosen);
  useSignal(model.frontChanged);
  const shown = new Set(model.shown);
  const visible = new Set(model.visible);
  return (
    <div className="lst-Legend" role="group" aria-label={trans.__('Runs')}>
      {model.selected && (
        <div className="lst-Legend-selected">
          {trans.__('%1 of %2 selected', visible.size, shown.size)}
          <Button onClick={() => model.select(null)}>{trans.__('Show all')}</Button>
        </div>
      )}
      <ul onMouseLeave={() => model.look(null)}>
        {model.ids.map(id => {
          const label = model.label(id);
          const { colour: index, dash } = model.style(id);
          return (
            <li
              key={id}
              data-run={id}
              data-hidden={!visible.has(id)}
              data-front={model.front === id}
              onMouseEnter={() => model.look(visible.has(id) ? id : null)}
            >
              <button
                type="button"
                className="lst-Swatch"
                title={trans.__('Give it another colour')}
                aria-label={trans.__('Give %1 another colour', label)}
                style={{ color: colour(index, dark) }}
                data-broken={dash.length > 0}
                onClick={() => model.recolour(id)}
              />
              <button
                type="button"
                className="lst-Link"
                title={label}
                onClick={() => void commands.execute(CommandIDs.openRun, { run: id })}
                onFocus={() => model.look(id)}
                onBlur={() => model.look(null)}
              >
                {label}
              </button>
              <IconButton
                icon={shown.has(id) ? eyeIcon : hiddenIcon}
                label={shown.has(id) ? trans.__('Hide %1', label) : trans.__('Show %1', label)}
                onClick={event => (event.altKey ? model.only(id) : model.toggle(id))}
              />
              {model.ids.length > 1 && (
                <IconButton
                  icon={closeIcon}
                  label={trans.__('Take %1 out of the comparison', label)}
                  onClick={() => model.remove(id)}
                />
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
