import * as React from 'react';

import { useTrans } from '../../../components/context';
import { SelectField, TextField } from '../../../components/fields';
import type { IField } from './draft';
import { SECTIONS } from './draft';
import type { CardModel } from './model';
import { keyWord, riskWord } from './words';

const RISKS = ['High', 'Medium', 'Low'] as const;
/** As SageMaker says that nobody rated it. */
const UNRATED = 'Unknown';

/** The parts of a card that only a person knows. */
export function CardForm(props: { model: CardModel; id: string }): JSX.Element {
  const { model, id } = props;
  const trans = useTrans();
  return (
    <form
      className="lst-CardForm"
      aria-label={trans.__('What only a person knows')}
      onSubmit={event => {
        event.preventDefault();
        void model.save();
      }}
      onKeyDown={event => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.stopPropagation();
          void model.save();
        }
      }}
    >
      {SECTIONS.filter(section => {
        // There is nothing to observe of an evaluation that was not made.
        return section.id !== 'evaluation_details' || section.id in (model.card?.content ?? {});
      }).map(section => (
        <fieldset key={section.id} disabled={!model.editable}>
          <legend>{keyWord(section.id, trans)}</legend>
          {section.fields.map(field => (
            <CardField key={field.name} model={model} field={field} id={`${id}-${field.name}`} />
          ))}
        </fieldset>
      ))}
    </form>
  );
}

function CardField(props: { model: CardModel; field: IField; id: string }): JSX.Element {
  const { model, field, id } = props;
  const trans = useTrans();
  const { name } = field;
  const value = model.value(name);
  const missing = model.card?.missing.find(each => each.field === name);
  const absent = missing !== undefined && (value === '' || value === UNRATED);
  const theirs = model.theirs(name);
  const excess = model.excess(name);
  const refused = model.problem?.field === name ? model.problem.message : null;
  const error =
    refused ??
    (excess > 0
      ? trans._n('%1 letter too long.', '%1 letters too long.', excess)
      : theirs !== null
        ? trans.__('Meanwhile somebody wrote: %1', theirs || trans.__('(nothing)'))
        : null);
  const common = {
    id,
    label: missing?.label ?? keyWord(name, trans),
    hint: absent
      ? missing.required
        ? trans.__('Needed for review. %1', missing.help)
        : missing.help
      : undefined,
    error
  };
  return (
    <div className="lst-CardField" data-missing={absent && missing.required} data-field={name}>
      {name === 'risk_rating' ? (
        <SelectField
          {...common}
          value={value || UNRATED}
          options={[
            [UNRATED, trans.__('Not rated')],
            ...RISKS.map(risk => [risk, riskWord(risk, trans)] as const)
          ]}
          onChange={next => model.type(name, next)}
        />
      ) : (
        <TextField
          {...common}
          value={value}
          rows={field.rows > 1 ? field.rows : undefined}
          disabled={!model.editable}
          onChange={next => model.type(name, next)}
        />
      )}
    </div>
  );
}
