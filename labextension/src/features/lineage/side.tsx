import { closeIcon, copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Banner, Button, Facts, IconButton } from '../../components/basics';
import { useServices } from '../../components/context';
import { KindMark } from '../../components/kind';
import { outIcon } from '../../components/icons';
import { bytes, moment, oneLine } from '../../format';
import type { Node } from './api';
import type { Direction } from './graph';
import { kindWord, relationWord } from './kinds';
import type { Answer, LineageModel } from './model';
import { opener, openNode, openWord } from './open';

/** Beside the graph: the answer to what was asked, and the node that is selected. */
export function Side(props: { model: LineageModel }): JSX.Element {
  const { model } = props;
  const { trans } = useServices();
  const node = model.find(model.selected);
  return (
    <aside className="lst-Lineage-side" aria-label={trans.__('Details')}>
      {model.answer && <AnswerPart model={model} answer={model.answer} />}
      {node ? (
        <Details model={model} node={node} />
      ) : (
        <p className="lst-Quiet">{trans.__('Select an object to see what is known of it.')}</p>
      )}
    </aside>
  );
}

function Details(props: { model: LineageModel; node: Node }): JSX.Element {
  const { model, node } = props;
  const services = useServices();
  const { trans } = services;
  const stale = model.stale.get(node.id);
  const way = opener(node);
  const opens = way !== null && services.commands.hasCommand(way.command);
  return (
    <section aria-label={node.label}>
      <h3>
        <KindMark kind={node.kind} />
        <span>{node.label}</span>
      </h3>
      {stale !== undefined && <Banner kind="warning">{trans.__('Stale: %1', stale)}</Banner>}
      <div className="lst-Lineage-actions">
        {opens && (
          <Button icon={outIcon} onClick={() => openNode(node, services)}>
            {openWord(node, trans)}
          </Button>
        )}
        {node.id !== model.middle && (
          <Button onClick={() => model.focus(node.id)}>{trans.__('Put in the middle')}</Button>
        )}
        {node.kind === 'data' && (
          <Button onClick={() => void model.trainedOn(node)}>{trans.__('Trained on this')}</Button>
        )}
      </div>
      <Facts
        items={[
          [trans.__('Kind'), kindWord(node.kind, trans)],
          [trans.__('State'), node.state],
          [trans.__('Since'), moment(node.at)],
          ...factsOf(node),
          [trans.__('Id'), <CopiedId key="id" id={node.id} />]
        ]}
      />
      <Beside model={model} node={node} direction="up" title={trans.__('Came of')} />
      <Beside model={model} node={node} direction="down" title={trans.__('Led to')} />
    </section>
  );
}

/** What the node's name, state and time say already. */
const TOLD = ['name', 'status', 'created_at', 'started_at'];

function factsOf(node: Node): [string, React.ReactNode][] {
  return Object.entries(node.facts ?? {})
    .filter(([name, value]) => value !== null && value !== '' && !TOLD.includes(name))
    .map(([name, value]) => {
      const text =
        name.endsWith('_bytes') && typeof value === 'number'
          ? bytes(value)
          : name.endsWith('_at') && typeof value === 'string'
            ? moment(value)
            : oneLine(value, 200);
      const shown = /^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, 12)}…` : text;
      const words = name.replace(/_bytes$/, '').replace(/_/g, ' ');
      return [
        words.charAt(0).toUpperCase() + words.slice(1),
        <code key={name} title={text}>
          {shown}
        </code>
      ];
    });
}

function CopiedId(props: { id: string }): JSX.Element {
  const { trans } = useServices();
  return (
    <span className="lst-Inline">
      <code>{props.id}</code>
      <IconButton
        icon={copyIcon}
        label={trans.__('Copy the id')}
        onClick={() => void navigator.clipboard.writeText(props.id)}
      />
    </span>
  );
}

function Beside(props: {
  model: LineageModel;
  node: Node;
  direction: Direction;
  title: string;
}): JSX.Element | null {
  const { model, node, direction } = props;
  const { trans } = useServices();
  const others = model.ways.next(node.id, direction).map(id => model.find(id));
  const more = model.open(node.id, direction);
  const relation = (other: string) =>
    model.graph.edges
      .filter(({ source, target }) =>
        direction === 'up'
          ? source === other && target === node.id
          : source === node.id && target === other
      )
      .map(edge => relationWord(edge.relation, trans))
      .join(', ');
  if (others.length === 0 && !more) {
    return null;
  }
  return (
    <>
      <h4>{props.title}</h4>
      <Nodes
        model={model}
        nodes={others.filter(other => other !== undefined)}
        note={id => <span className="lst-Quiet">{relation(id)}</span>}
      />
      {more && (
        <Button onClick={() => void model.expand(node.id, direction)}>
          {direction === 'up' ? trans.__('Show causes') : trans.__('Show results')}
        </Button>
      )}
    </>
  );
}

/** Nodes as a list of links; one that is not in the graph goes into its middle. */
function Nodes(props: {
  model: LineageModel;
  nodes: readonly Pick<Node, 'id' | 'kind' | 'label'>[];
  note?: (id: string) => React.ReactNode;
}): JSX.Element {
  const { model } = props;
  return (
    <ul className="lst-Lineage-nodes">
      {props.nodes.map(({ id, kind, label }) => (
        <li key={id}>
          <KindMark kind={kind} />
          <span>
            <button
              type="button"
              className="lst-Link"
              onClick={() => {
                if (model.find(id)) {
                  model.selected = id;
                } else {
                  model.focus(id);
                }
              }}
            >
              {label}
            </button>
            {props.note?.(id)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function AnswerPart(props: { model: LineageModel; answer: Answer }): JSX.Element {
  const { model, answer } = props;
  const { trans } = useServices();
  const part = () => {
    switch (answer.kind) {
      case 'verified':
        return (
          <Banner kind={answer.result.whole ? 'info' : 'error'}>
            {answer.result.whole
              ? trans._n(
                  'Whole: the one entry is as it was written.',
                  'Whole: all %1 entries are as they were written.',
                  answer.result.entries
                )
              : trans.__('Broken at entry %1. %2', answer.result.broken_at, answer.result.message)}
          </Banner>
        );
      case 'trained':
        return answer.models.length ? (
          <Nodes model={model} nodes={answer.models} />
        ) : (
          <p className="lst-Quiet">{trans.__('No registered model was trained on it.')}</p>
        );
      case 'stale': {
        const reasons = new Map(answer.items.map(item => [item.node.id, item.reason]));
        return answer.items.length ? (
          <Nodes
            model={model}
            nodes={answer.items.map(item => item.node)}
            note={id => <span className="lst-Quiet">{reasons.get(id)}</span>}
          />
        ) : (
          <p className="lst-Quiet">
            {trans.__('Nothing is stale: all that was used is as it was.')}
          </p>
        );
      }
    }
  };
  const titles: Record<Answer['kind'], string> = {
    verified: trans.__('The record'),
    trained: answer.kind === 'trained' ? trans.__('Models trained on %1', answer.of.label) : '',
    stale: trans.__('Stale now')
  };
  return (
    <section className="lst-Lineage-answer" aria-live="polite" aria-label={titles[answer.kind]}>
      <h3>
        <span>{titles[answer.kind]}</span>
        <span className="lst-Fill" />
        <IconButton
          icon={closeIcon}
          label={trans.__('Close the answer')}
          onClick={() => model.dismiss()}
        />
      </h3>
      {part()}
    </section>
  );
}
