import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ApiError } from '../../api/client';
import { Banner } from '../../components/basics';
import type { ModelsApi } from './api';
import type { Model, ModelVersion, Registrable } from './types';

interface IChoice {
  name: string;
  /** The place of the chosen model among those of the run. */
  at: number;
  description: string;
}

/** Which of a run's models, and the name that it is registered under. */
class RegisterBody extends ReactWidget {
  constructor(
    private _found: readonly Registrable[],
    private _models: readonly Model[],
    private _choice: IChoice,
    private _problem: string | null,
    private _trans: TranslationBundle
  ) {
    super();
    this.addClass('lst-Widget');
  }

  getValue(): IChoice {
    return this._choice;
  }

  protected render(): JSX.Element {
    return (
      <RegisterForm
        found={this._found}
        models={this._models}
        first={this._choice}
        problem={this._problem}
        trans={this._trans}
        onChange={choice => {
          this._choice = choice;
        }}
      />
    );
  }
}

function RegisterForm(props: {
  found: readonly Registrable[];
  models: readonly Model[];
  first: IChoice;
  problem: string | null;
  trans: TranslationBundle;
  onChange: (choice: IChoice) => void;
}): JSX.Element {
  const { found, models, trans } = props;
  const [choice, setChoice] = React.useState(props.first);
  const id = React.useId();
  const set = (change: Partial<IChoice>) => {
    const next = { ...choice, ...change };
    setChoice(next);
    props.onChange(next);
  };
  const known = models.find(model => model.name === choice.name.trim());
  const registered = found[choice.at]?.registered ?? [];
  return (
    <div className="lst-Confirm">
      {props.problem && <Banner kind="error">{props.problem}</Banner>}
      <div className="lst-Field">
        <label htmlFor={`${id}-which`}>{trans.__('Model of the run')}</label>
        <div className="lst-Select">
          <select
            id={`${id}-which`}
            value={choice.at}
            onChange={event => set({ at: Number(event.target.value) })}
          >
            {found.map((each, at) => (
              <option key={at} value={at}>
                {[each.name, ...(each.flavors ?? []).filter(flavor => flavor !== 'python_function')]
                  .filter(Boolean)
                  .join(' · ')}
              </option>
            ))}
          </select>
        </div>
        {registered.length > 0 && (
          <div className="lst-Field-hint">
            {trans.__('Registered already as %1.', registered.join(', '))}
          </div>
        )}
      </div>
      <div className="lst-Field">
        <label htmlFor={`${id}-name`}>{trans.__('Name')}</label>
        <input
          id={`${id}-name`}
          type="text"
          list={`${id}-names`}
          spellCheck={false}
          value={choice.name}
          placeholder={trans.__('churn-classifier')}
          onChange={event => set({ name: event.target.value })}
        />
        <datalist id={`${id}-names`}>
          {models.map(model => (
            <option key={model.name} value={model.name} />
          ))}
        </datalist>
        <div className="lst-Field-hint">
          {known
            ? trans.__('It becomes version %1 of this model.', (known.latest_version ?? 0) + 1)
            : trans.__('A new name makes a new model, with this as version 1.')}
        </div>
      </div>
      <div className="lst-Field">
        <label htmlFor={`${id}-about`}>{trans.__('What is special about it')}</label>
        <textarea
          id={`${id}-about`}
          rows={2}
          value={choice.description}
          onChange={event => set({ description: event.target.value })}
        />
      </div>
    </div>
  );
}

/** Ask how a run's model is to be registered, and register it; what was typed outlives a refusal. */
export async function askForModel(
  registry: ModelsApi,
  trans: TranslationBundle,
  run: string
): Promise<ModelVersion | null> {
  const [{ items: found }, { items: models }] = await Promise.all([
    registry.registrable(run),
    registry.list({})
  ]);
  if (found.length === 0) {
    await showDialog({
      title: trans.__('Register a model'),
      body: trans.__('The run logged no model. Log one with mlflow.<flavour>.log_model.'),
      buttons: [Dialog.okButton()]
    });
    return null;
  }
  let choice: IChoice = { name: '', at: 0, description: '' };
  let problem: string | null = null;
  for (;;) {
    const answer = await showDialog<IChoice>({
      title: trans.__('Register a model'),
      body: new RegisterBody(found, models, choice, problem, trans),
      focusNodeSelector: 'input',
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Register') })]
    });
    if (!answer.button.accept || !answer.value) {
      return null;
    }
    choice = answer.value;
    if (!choice.name.trim()) {
      problem = trans.__('Name the model.');
      continue;
    }
    const { path, model_id } = found[choice.at];
    try {
      return await registry.register({
        name: choice.name.trim(),
        run_id: run,
        path: model_id ? null : path,
        model_id,
        description: choice.description
      });
    } catch (reason) {
      problem = ApiError.from(reason).message;
    }
  }
}
