/** What a person says in a card, as it is typed: fields, where they stand, what was changed. Pure. */

export type CardContent = Readonly<Record<string, unknown>>;

export interface IField {
  /** As the API calls it. */
  name: string;
  /** Where it stands in the content, a JSON pointer. */
  pointer: string;
  rows: number;
  limit: number;
}

const SHORT = 1024;
const LONG = 2048;

function fieldOf(name: string, section: string, rows: number, limit: number): IField {
  return { name, pointer: `/${section}/${name}`, rows, limit };
}

/** The sections of the form with their fields, as they stand in the card. */
export const SECTIONS: readonly { id: string; fields: readonly IField[] }[] = [
  {
    id: 'model_overview',
    fields: [
      fieldOf('model_description', 'model_overview', 3, SHORT),
      fieldOf('model_owner', 'model_overview', 1, SHORT),
      fieldOf('model_creator', 'model_overview', 1, SHORT),
      fieldOf('problem_type', 'model_overview', 1, SHORT),
      fieldOf('algorithm_type', 'model_overview', 1, SHORT)
    ]
  },
  {
    id: 'intended_uses',
    fields: [
      fieldOf('purpose_of_model', 'intended_uses', 3, LONG),
      fieldOf('intended_uses', 'intended_uses', 3, LONG),
      fieldOf('factors_affecting_model_efficiency', 'intended_uses', 2, LONG),
      fieldOf('risk_rating', 'intended_uses', 1, SHORT),
      fieldOf('explanations_for_risk_rating', 'intended_uses', 2, LONG)
    ]
  },
  {
    id: 'business_details',
    fields: [
      fieldOf('business_problem', 'business_details', 2, LONG),
      fieldOf('business_stakeholders', 'business_details', 1, LONG),
      fieldOf('line_of_business', 'business_details', 1, LONG)
    ]
  },
  {
    id: 'training_details',
    fields: [fieldOf('training_observations', 'training_details', 2, SHORT)]
  },
  {
    id: 'evaluation_details',
    fields: [
      {
        name: 'evaluation_observation',
        pointer: '/evaluation_details/0/evaluation_observation',
        rows: 2,
        limit: 2096
      }
    ]
  },
  {
    id: 'additional_information',
    fields: [
      fieldOf('ethical_considerations', 'additional_information', 3, LONG),
      fieldOf('caveats_and_recommendations', 'additional_information', 3, LONG)
    ]
  }
];

const FIELDS: ReadonlyMap<string, IField> = new Map(
  SECTIONS.flatMap(section => section.fields.map(field => [field.name, field] as const))
);

/** What stands at a JSON pointer; undefined where nothing does. */
export function at(content: unknown, pointer: string): unknown {
  let found: unknown = content;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replace(/~1/g, '/').replace(/~0/g, '~');
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) {
      return undefined;
    }
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

/** A part of a JSON pointer. */
export function step(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replace(/~/g, '~0').replace(/\//g, '~1')}`;
}

/** What was typed into a field, and what stood there when the typing began. */
export interface ITyped {
  text: string;
  base: string;
}

export type Draft = Readonly<Record<string, ITyped>>;

/** What stands in a field of a card. */
export function stands(content: CardContent, name: string): string {
  const field = FIELDS.get(name);
  const value = field && at(content, field.pointer);
  return value === undefined || value === null ? '' : String(value);
}

/** A draft with a field typed into; one that is as it stands is no change. */
export function typed(draft: Draft, content: CardContent, name: string, text: string): Draft {
  const { [name]: old, ...rest } = draft;
  const current = stands(content, name);
  return text === current ? rest : { ...rest, [name]: { text, base: old?.base ?? current } };
}

/** The draft over a card that was read anew: what has come true is no change any more. */
export function rebased(draft: Draft, content: CardContent): Draft {
  return Object.fromEntries(
    Object.entries(draft).filter(([name, { text }]) => text !== stands(content, name))
  );
}

/** What somebody else wrote into a field that is being typed into; null when nobody did. */
export function theirs(draft: Draft, content: CardContent, name: string): string | null {
  const mine = draft[name];
  const current = stands(content, name);
  return mine && current !== mine.base ? current : null;
}

/** The changes as the API takes them. */
export function changes(draft: Draft): Record<string, string> {
  return Object.fromEntries(Object.entries(draft).map(([name, { text }]) => [name, text]));
}

/** Over the limit of a field by how much; 0 when it fits. */
export function excess(name: string, text: string): number {
  return Math.max(0, text.length - (FIELDS.get(name)?.limit ?? Infinity));
}
