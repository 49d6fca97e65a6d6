import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ModelDetail } from './types';

/** What goes, what stays, and the name to type before a model with versions goes. */
class Warning extends ReactWidget {
  constructor(
    private _sentences: readonly string[],
    private _wanted: string,
    private _trans: TranslationBundle
  ) {
    super();
    this.addClass('lst-Widget');
  }

  /** Whether the name was typed. */
  getValue(): boolean {
    return this._typed.trim() === this._wanted;
  }

  protected render(): JSX.Element {
    return (
      <div className="lst-Confirm">
        {this._sentences.map(sentence => (
          <p key={sentence}>{sentence}</p>
        ))}
        <label>
          {this._trans.__('Type “%1” to delete it:', this._wanted)}
          <input
            type="text"
            spellCheck={false}
            onChange={event => {
              this._typed = event.target.value;
            }}
          />
        </label>
      </div>
    );
  }

  private _typed = '';
}

/** Whether a model or a version is to go; its name has to be typed. */
export async function confirmDelete(
  model: ModelDetail,
  version: number | undefined,
  trans: TranslationBundle
): Promise<boolean> {
  const named = Object.entries(model.aliases).filter(
    each => version === undefined || each[1] === version
  );
  const sentences = [
    version === undefined
      ? trans._n(
          'The model goes with its one version and its cards.',
          'The model goes with its %1 versions and their cards.',
          model.versions.length
        )
      : trans.__('Version %1 goes with its cards; its number is not used again.', version),
    trans.__('The runs that made it and their files stay.')
  ];
  if (named.length > 0) {
    sentences.unshift(
      trans.__(
        'In use: %1. What loads the model by that name fails afterwards.',
        named.map(([alias, number]) => trans.__('“%1” is version %2', alias, number)).join(', ')
      )
    );
  }
  const wanted = version === undefined ? model.name : `${model.name}/${version}`;
  const body = new Warning(sentences, wanted, trans);
  const answer = await showDialog({
    title: version === undefined ? trans.__('Delete the model?') : trans.__('Delete the version?'),
    body,
    buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })]
  });
  if (!answer.button.accept) {
    return false;
  }
  if (answer.value !== true) {
    await showDialog({
      title: trans.__('It was not deleted'),
      body: trans.__('The name that was typed is not “%1”.', wanted),
      buttons: [Dialog.okButton()]
    });
    return false;
  }
  return true;
}
