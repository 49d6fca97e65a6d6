import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Move } from '../../api/types';

/** The names that cannot travel: why, and which cell made each. */
export class LeftBehind extends ReactWidget {
  constructor(
    private _left: Move['left'],
    private _trans: TranslationBundle
  ) {
    super();
    this.addClass('lst-Widget');
  }

  protected render(): JSX.Element {
    const trans = this._trans;
    return (
      <table className="lst-Table lst-LeftBehind">
        <thead>
          <tr>
            <th>{trans.__('Name')}</th>
            <th>{trans.__('Why')}</th>
            <th>{trans.__('Made by')}</th>
          </tr>
        </thead>
        <tbody>
          {this._left.map(each => (
            <tr key={each.name}>
              <td>
                <code>{each.name}</code>
              </td>
              <td className="lst-Wrap">{each.reason}</td>
              <td>
                {each.cell === null || each.cell === undefined
                  ? '–'
                  : trans.__('cell [%1]', each.cell)}
                {each.line && <code className="lst-LeftBehind-source">{each.line}</code>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    );
  }
}
