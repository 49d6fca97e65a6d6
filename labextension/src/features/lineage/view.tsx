import { downloadIcon, listIcon, refreshIcon } from '@jupyterlab/ui-components';
import { ReactFlowProvider } from '@xyflow/react';
import * as React from 'react';

import { Banner, Button, Empty, IconButton } from '../../components/basics';
import { useServices, useSignal } from '../../components/context';
import { useMemory } from '../../components/memory';
import { lineageIcon } from '../../components/nouns';
import type { Graph } from './api';
import { Canvas } from './canvas';
import type { IPlace } from './graph';
import { bounded } from './graph';
import { kindWord } from './kinds';
import { NODE_HEIGHT, NODE_WIDTH, place } from './layout';
import { NodeList } from './list';
import type { LineageModel } from './model';
import { shortName } from './names';
import { download, drawSvg, toPng } from './picture';
import { Search } from './search';
import { Side } from './side';

/** More than this nobody can follow with the eye, and drawing it takes long. */
const MOST = 200;

/** What an object came of and what it led to, as a graph or as a list. */
export function LineageView(props: { model: LineageModel }): JSX.Element {
  const { model } = props;
  const { trans } = useServices();
  useSignal(model.changed);
  const [shown, setShown] = useMemory<'graph' | 'list'>('lineage', 'graph');
  const { graph, middle, selected, ways } = model;
  const kept = React.useMemo(() => bounded(graph, middle, MOST), [graph, middle]);
  const places = React.useMemo(() => place(kept), [kept]);
  const way = React.useMemo(
    () => (selected && selected !== middle ? ways.between(middle, selected) : NOTHING),
    [ways, middle, selected]
  );
  return (
    <div className="lst-Lineage">
      <Bar model={model} graph={kept} places={places} shown={shown} onShown={setShown} />
      {model.error && (
        <Banner
          kind="error"
          actions={<Button onClick={() => void model.refresh()}>{trans.__('Try again')}</Button>}
        >
          {model.error.message}
        </Banner>
      )}
      {model.message && graph.nodes.length > 0 && <Banner kind="info">{model.message}</Banner>}
      {kept.left > 0 && (
        <Banner kind="info">
          {trans.__(
            'The %1 nearest objects are shown; %2 more lie behind them. Put one in the middle to walk on from there.',
            MOST,
            kept.left
          )}
        </Banner>
      )}
      <div className="lst-Lineage-body">
        {graph.nodes.length === 0 ? (
          !model.loading &&
          !model.error && (
            <Empty>
              {model.object
                ? trans.__(
                    '%1 Runs and jobs record by themselves what they read and made.',
                    model.message ?? ''
                  )
                : trans.__('Find a file, run or model above to see what it came of and led to.')}
            </Empty>
          )
        ) : shown === 'graph' ? (
          <ReactFlowProvider>
            <Canvas model={model} graph={kept} places={places} way={way} />
          </ReactFlowProvider>
        ) : (
          <NodeList model={model} graph={kept} />
        )}
        <Side model={model} />
      </div>
    </div>
  );
}

const NOTHING: ReadonlySet<string> = new Set();

function Bar(props: {
  model: LineageModel;
  graph: Graph;
  places: ReadonlyMap<string, IPlace>;
  shown: 'graph' | 'list';
  onShown: (shown: 'graph' | 'list') => void;
}): JSX.Element {
  const { model, shown } = props;
  const { trans } = useServices();
  const data = [model.find(model.selected), model.find(model.middle)].find(
    node => node?.kind === 'data'
  );
  return (
    <div className="lst-Lineage-bar" role="toolbar" aria-label={trans.__('Lineage')}>
      <Search model={model} />
      <Button
        disabled={!data}
        title={
          data
            ? trans.__('Which models were trained on %1', data.label)
            : trans.__('Select a data file in the graph first')
        }
        onClick={() => data && void model.trainedOn(data)}
      >
        {trans.__('Trained on this file')}
      </Button>
      <Button
        title={trans.__('What was made from something that changed since')}
        onClick={() => void model.staleNow()}
      >
        {trans.__('Stale now')}
      </Button>
      <Button
        title={trans.__('Check that no entry of the record was altered')}
        onClick={() => void model.verify()}
      >
        {trans.__('Verify')}
      </Button>
      <span className="lst-Fill" />
      <IconButton
        icon={shown === 'graph' ? listIcon : lineageIcon}
        label={shown === 'graph' ? trans.__('Show as a list') : trans.__('Show as a graph')}
        onClick={() => props.onShown(shown === 'graph' ? 'list' : 'graph')}
      />
      <Export {...props} />
      <IconButton
        icon={refreshIcon}
        label={trans.__('Refresh')}
        onClick={() => void model.refresh()}
      />
    </div>
  );
}

function Export(props: {
  model: LineageModel;
  graph: Graph;
  places: ReadonlyMap<string, IPlace>;
}): JSX.Element {
  const { model, graph, places } = props;
  const { trans } = useServices();
  const save = async (event: React.MouseEvent) => {
    const style = getComputedStyle(event.currentTarget);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const svg = drawSvg(
      graph,
      places,
      {
        width: NODE_WIDTH,
        height: NODE_HEIGHT,
        paper: colour('--jp-layout-color1'),
        line: colour('--jp-ui-font-color2'),
        ink: colour('--jp-ui-font-color0'),
        quiet: colour('--jp-ui-font-color2'),
        stale: colour('--jp-warn-color0')
      },
      id => model.stale.has(id),
      id => kindWord(model.find(id)?.kind ?? '', trans)
    );
    const name = `lineage-${shortName(model.middle).replace(/[^\w.-]+/g, '-')}`;
    if (event.shiftKey) {
      download(await toPng(svg), `${name}.png`);
    } else {
      download(new Blob([svg], { type: 'image/svg+xml' }), `${name}.svg`);
    }
  };
  return (
    <IconButton
      icon={downloadIcon}
      label={trans.__('Save the graph as SVG (Shift: as PNG)')}
      disabled={graph.nodes.length === 0}
      onClick={event => void save(event)}
    />
  );
}
