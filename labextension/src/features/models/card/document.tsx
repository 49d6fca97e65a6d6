import * as React from 'react';

import { useTrans } from '../../../components/context';
import { number, oneLine } from '../../../format';
import type { Card, Missing } from '../types';
import { step } from './draft';
import type { IMetric } from './metrics';
import { MetricTable } from './metrics';
import { Sources } from './sources';
import { keyWord } from './words';

const ORDER = [
  'model_overview',
  'intended_uses',
  'business_details',
  'training_details',
  'evaluation_details',
  'additional_information'
];

interface IAll {
  card: Card;
  missing: ReadonlyMap<string, Missing>;
  onAsk: (field: string) => void;
}

const All = React.createContext<IAll | null>(null);

function useAll(): IAll {
  const all = React.useContext(All);
  if (!all) {
    throw new Error('A part of a card was rendered outside of its card.');
  }
  return all;
}

/** A card as whoever reads it sees it: each claim with what it was taken from. */
export function CardDocument(props: {
  card: Card;
  /** Bring the field that is missing into the form. */
  onAsk: (field: string) => void;
}): JSX.Element {
  const { card } = props;
  const trans = useTrans();
  const missing = new Map(card.missing.map(each => [each.pointer, each]));
  const sections = [...new Set([...ORDER, ...Object.keys(card.content)])].filter(
    key =>
      key in card.content || [...missing.keys()].some(pointer => pointer.startsWith(`/${key}/`))
  );
  return (
    <All.Provider value={{ card, missing, onAsk: props.onAsk }}>
      <article className="lst-Card" aria-label={trans.__('Model card')}>
        <h2>{trans.__('%1, version %2', card.model, card.model_version)}</h2>
        {sections.map(key => (
          <section key={key} aria-label={keyWord(key, trans)}>
            <h3>{keyWord(key, trans)}</h3>
            <Value pointer={`/${key}`} value={card.content[key] ?? {}} />
          </section>
        ))}
      </article>
    </All.Provider>
  );
}

/** Whatever stands at a pointer. */
function Value(props: { pointer: string; value: unknown }): JSX.Element {
  const { pointer, value } = props;
  if (Array.isArray(value)) {
    return <List pointer={pointer} items={value} />;
  }
  if (typeof value === 'object' && value !== null) {
    return <Fields pointer={pointer} fields={value as Record<string, unknown>} />;
  }
  return <Claim pointer={pointer} value={value} />;
}

/** One claim, and what it was taken from. */
function Claim(props: { pointer: string; value: unknown }): JSX.Element {
  const { pointer, value } = props;
  const { card } = useAll();
  const words =
    typeof value === 'number' ? number(value) : typeof value === 'string' ? value : oneLine(value);
  return (
    <span className="lst-Claim" data-pointer={pointer}>
      <span className="lst-Text">{words}</span>
      <Sources sources={card.sources[pointer]} />
    </span>
  );
}

function Fields(props: {
  pointer: string;
  fields: Readonly<Record<string, unknown>>;
}): JSX.Element {
  const { pointer, fields } = props;
  const { card, missing } = useAll();
  const trans = useTrans();
  const absent = [...missing.values()].filter(each => {
    const cut = each.pointer.lastIndexOf('/');
    return each.pointer.slice(0, cut) === pointer && !(each.pointer.slice(cut + 1) in fields);
  });
  const plain = Object.entries(fields).filter(([, value]) => !isNested(value));
  const nested = Object.entries(fields).filter(([, value]) => isNested(value) && !isVoid(value));
  return (
    <>
      <Sources sources={card.sources[pointer]} />
      {plain.length + absent.length > 0 && (
        <dl className="lst-Facts">
          {plain.map(([key, value]) => (
            <React.Fragment key={key}>
              <dt>{keyWord(key, trans)}</dt>
              <dd>
                {value === '' || value === null || missing.has(step(pointer, key)) ? (
                  <Asked pointer={step(pointer, key)} />
                ) : (
                  <Claim pointer={step(pointer, key)} value={value} />
                )}
              </dd>
            </React.Fragment>
          ))}
          {absent.map(each => (
            <React.Fragment key={each.pointer}>
              <dt>{each.label}</dt>
              <dd>
                <Asked pointer={each.pointer} />
              </dd>
            </React.Fragment>
          ))}
        </dl>
      )}
      {nested.map(([key, value]) => (
        <div key={key} className="lst-Card-part">
          <h4>{keyWord(key, trans)}</h4>
          <Value pointer={step(pointer, key)} value={value} />
        </div>
      ))}
    </>
  );
}

/** What only a person knows and nobody said: marked, and one click from its field. */
function Asked(props: { pointer: string }): JSX.Element {
  const { missing, onAsk } = useAll();
  const trans = useTrans();
  const asked = missing.get(props.pointer);
  if (!asked) {
    return <span className="lst-Quiet">–</span>;
  }
  return (
    <button
      type="button"
      className="lst-Missing"
      data-required={asked.required}
      title={asked.help}
      onClick={() => onAsk(asked.field)}
    >
      {asked.required ? trans.__('Missing: needed for review') : trans.__('Missing')}
    </button>
  );
}

function List(props: { pointer: string; items: readonly unknown[] }): JSX.Element {
  const { pointer, items } = props;
  const { card } = useAll();
  const records = items.filter(isRecord);
  if (records.length === items.length && records.every(each => 'metric_data' in each)) {
    return (
      <>
        {records.map((group, index) => (
          <div key={index} className="lst-Card-part">
            <h5>{String(group.name ?? '')}</h5>
            <MetricTable
              pointer={step(step(pointer, index), 'metric_data')}
              metrics={(group.metric_data ?? []) as readonly IMetric[]}
              sources={card.sources}
            />
          </div>
        ))}
      </>
    );
  }
  if (records.length === items.length && records.every(each => 'name' in each && 'value' in each)) {
    return (
      <>
        <Sources sources={card.sources[pointer]} />
        <MetricTable
          pointer={pointer}
          metrics={records as unknown as readonly IMetric[]}
          sources={card.sources}
        />
      </>
    );
  }
  return (
    <>
      <Sources sources={card.sources[pointer]} />
      <ul className="lst-Card-list">
        {items.map((item, index) => (
          <li key={index}>
            {isRecord(item) && typeof item.name === 'string' ? (
              <Named pointer={step(pointer, index)} record={item} name={item.name} />
            ) : (
              <Value pointer={step(pointer, index)} value={item} />
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

/** An evaluation: its name as a heading, the rest below it. */
function Named(props: {
  pointer: string;
  record: Readonly<Record<string, unknown>>;
  name: string;
}): JSX.Element {
  const rest = Object.fromEntries(Object.entries(props.record).filter(([key]) => key !== 'name'));
  return (
    <>
      <h4>{props.name}</h4>
      <Fields pointer={props.pointer} fields={rest} />
    </>
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isVoid(value: unknown): boolean {
  return Object.keys(value as object).length === 0;
}
