import '@xyflow/react/dist/base.css';

import type { Edge as FlowEdge, Node as FlowNode, NodeProps } from '@xyflow/react';
import { Controls, Handle, MarkerType, Position, ReactFlow, useReactFlow } from '@xyflow/react';
import * as React from 'react';

import { useServices, useSignal, useTrans } from '../../components/context';
import { KindMark } from '../../components/kind';
import type { Graph, Node } from './api';
import type { Direction, IPlace } from './graph';
import { edgeKey, neighbour } from './graph';
import { kindWord, spoken } from './kinds';
import { NODE_HEIGHT, NODE_WIDTH } from './layout';
import type { LineageModel } from './model';
import { openNode } from './open';

/** Below this the words on the nodes cannot be read: then only the middle is shown. */
const LEGIBLE = 0.6;
const READ = 0.75;

type Shown = FlowNode<{
  node: Node;
  /** Why it is stale. */
  stale: string | undefined;
  middle: boolean;
  selected: boolean;
  /** Not on the way that is shown. */
  aside: boolean;
}>;

const Lineage = React.createContext<LineageModel | null>(null);
const NODE_TYPES = { object: ObjectNode };

/** The graph as a picture that is walked with the mouse and with the arrow keys. */
export function Canvas(props: {
  model: LineageModel;
  graph: Graph;
  places: ReadonlyMap<string, IPlace>;
  way: ReadonlySet<string>;
}): JSX.Element {
  const { model, graph, places, way } = props;
  const services = useServices();
  const { trans } = services;
  const flow = useReactFlow();
  const box = React.useRef<HTMLDivElement>(null);
  useSignal(model.changed);
  const { middle, selected, stale } = model;
  const current = selected ?? middle;

  const centre = React.useCallback(
    (id: string, zoom?: number) => {
      const at = places.get(id);
      if (at) {
        void flow.setCenter(at.x + NODE_WIDTH / 2, at.y + NODE_HEIGHT / 2, { zoom });
      }
    },
    [flow, places]
  );
  useFit(box, places, middle);

  React.useEffect(() => {
    // What was selected in the list or at the side comes into view.
    const [at, element] = [selected && places.get(selected), box.current];
    if (at && element) {
      const { x, y, zoom } = flow.getViewport();
      const [left, top] = [at.x * zoom + x, at.y * zoom + y];
      const inside =
        left >= 0 &&
        top >= 0 &&
        left + NODE_WIDTH * zoom <= element.clientWidth &&
        top + NODE_HEIGHT * zoom <= element.clientHeight;
      if (!inside && selected && selected !== middle) {
        centre(selected, zoom);
      }
    }
  }, [selected, middle, places, flow, centre]);

  const nodes = React.useMemo<Shown[]>(
    () =>
      graph.nodes.map(node => ({
        id: node.id,
        type: 'object',
        position: places.get(node.id) ?? { x: 0, y: 0 },
        width: NODE_WIDTH,
        height: NODE_HEIGHT,
        data: {
          node,
          middle: node.id === middle,
          stale: stale.get(node.id),
          selected: node.id === selected,
          aside: way.size > 1 && !way.has(node.id)
        }
      })),
    [graph, places, middle, selected, way, stale]
  );
  const edges = React.useMemo<FlowEdge[]>(
    () =>
      graph.edges.map(edge => {
        const on = way.size > 1 && way.has(edge.source) && way.has(edge.target);
        return {
          id: edgeKey(edge),
          source: edge.source,
          target: edge.target,
          className: on ? 'lst-Edge-on' : way.size > 1 ? 'lst-Edge-aside' : undefined,
          markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16 },
          focusable: false
        };
      }),
    [graph, way]
  );

  const choose = (id: string) => {
    model.selected = id;
    box.current?.querySelector<HTMLElement>(`[data-node="${CSS.escape(id)}"]`)?.focus();
  };
  const onKey = (event: React.KeyboardEvent) => {
    const to = neighbour(event.key, current, model.ways, places);
    const node = model.find(current);
    if (to) {
      choose(to);
      centre(to, flow.getZoom());
    } else if (event.key === 'Enter' && node && onNode(event)) {
      openNode(node, services);
    } else if (event.key === ' ' && onNode(event)) {
      model.focus(current);
    } else if ((event.key === '+' || event.key === '-') && onNode(event)) {
      void (event.key === '+' ? flow.zoomIn() : flow.zoomOut());
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className="lst-Canvas" ref={box} onKeyDown={onKey}>
      <Lineage.Provider value={model}>
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={NODE_TYPES}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          disableKeyboardA11y
          zoomOnDoubleClick={false}
          minZoom={0.1}
          maxZoom={2}
          onlyRenderVisibleElements={graph.nodes.length > 80}
          proOptions={{ hideAttribution: true }}
          onPaneClick={() => {
            model.selected = null;
          }}
          aria-label={trans.__('Lineage: arrow keys walk, Enter opens, Space puts in the middle')}
        >
          <Controls showInteractive={false} position="bottom-left" />
        </ReactFlow>
      </Lineage.Provider>
    </div>
  );
}

/** Show the whole graph where it can be read, else its middle; anew for each object. */
function useFit(
  box: React.RefObject<HTMLDivElement>,
  places: ReadonlyMap<string, IPlace>,
  object: string
): void {
  const flow = useReactFlow();
  const [seen, setSeen] = React.useState(false);
  const fitted = React.useRef('');
  React.useEffect(() => {
    // A tab that was restored behind another has no size until it is looked at.
    const observer = new ResizeObserver(([entry]) => setSeen(entry.contentRect.width > 0));
    if (box.current) {
      observer.observe(box.current);
    }
    return () => observer.disconnect();
  }, [box]);
  React.useEffect(() => {
    const element = box.current;
    if (!seen || !element || places.size === 0 || fitted.current === object) {
      return;
    }
    fitted.current = object;
    const right = Math.max(...[...places.values()].map(at => at.x)) + NODE_WIDTH;
    const bottom = Math.max(...[...places.values()].map(at => at.y)) + NODE_HEIGHT;
    const zoom = Math.min(1, element.clientWidth / right, element.clientHeight / bottom);
    if (zoom >= LEGIBLE) {
      void flow.setCenter(right / 2, bottom / 2, { zoom: zoom * 0.95 });
    } else {
      // As near to the middle as it goes without showing what is beside the graph.
      const at = places.get(object) ?? { x: 0, y: 0 };
      const half = element.clientWidth / 2 / READ;
      const x = Math.max(half, Math.min(right + 16 - half, at.x + NODE_WIDTH / 2));
      void flow.setCenter(x, at.y + NODE_HEIGHT / 2, { zoom: READ });
    }
  }, [seen, box, places, object, flow]);
}

function ObjectNode(props: NodeProps<Shown>): JSX.Element {
  const { node, stale, middle, selected, aside } = props.data;
  const services = useServices();
  const { trans } = services;
  const model = React.useContext(Lineage);
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <div
        className="lst-Node"
        role="button"
        tabIndex={selected || (middle && !model?.selected) ? 0 : -1}
        aria-pressed={selected}
        aria-label={spoken(node, stale, trans)}
        data-node={node.id}
        data-kind={node.kind}
        data-stale={stale !== undefined}
        data-middle={middle}
        data-aside={aside}
        title={[node.label, stale].filter(Boolean).join('\n')}
        onClick={() => {
          if (model) {
            model.selected = node.id;
          }
        }}
        onDoubleClick={() => openNode(node, services)}
      >
        <KindMark kind={node.kind} />
        <span className="lst-Node-text">
          <span className="lst-Node-label">{node.label}</span>
          <span className="lst-Node-kind">
            {kindWord(node.kind, trans)}
            {stale !== undefined && <em>{trans.__('stale')}</em>}
          </span>
        </span>
      </div>
      {(['up', 'down'] as const).map(
        direction =>
          model?.open(node.id, direction) && (
            <Expander key={direction} id={node.id} direction={direction} model={model} />
          )
      )}
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </>
  );
}

function Expander(props: { id: string; direction: Direction; model: LineageModel }): JSX.Element {
  const trans = useTrans();
  const label = props.direction === 'up' ? trans.__('Show causes') : trans.__('Show results');
  return (
    <button
      type="button"
      className="lst-Node-more nodrag nopan"
      data-direction={props.direction}
      title={label}
      aria-label={label}
      tabIndex={-1}
      onClick={() => void props.model.expand(props.id, props.direction)}
    >
      +
    </button>
  );
}

function onNode(event: React.KeyboardEvent): boolean {
  return (event.target as HTMLElement).matches('[data-node]');
}
