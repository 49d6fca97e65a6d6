import type { Data, Layout, PlotlyHTMLElement } from 'plotly.js';
import * as React from 'react';

import { Banner } from '../../../components/basics';
import { useTrans } from '../../../components/context';
import { ChartMenu } from './menu';
import { save } from './save';
import { themed, useDark } from './theme';

type Plotly = typeof import('plotly.js-dist-min');

export interface IPlotlyProps {
  title: string;
  data: readonly Partial<Data>[];
  layout?: Partial<Layout>;
  height: number;
  code?: () => string;
  csv: () => string;
  /** What the chart shows, in words. */
  words: string;
  /** Listen to what is done in the chart; called once for each chart made. */
  onReady?: (node: PlotlyHTMLElement) => void;
  children?: React.ReactNode;
}

/** A chart of plotly's, in the theme's colours; plotly is loaded when the first one is shown. */
export function PlotlyChart(props: IPlotlyProps): JSX.Element {
  const { title, data, layout, height, onReady } = props;
  const trans = useTrans();
  const dark = useDark();
  const box = React.useRef<HTMLDivElement>(null);
  const [plotly, setPlotly] = React.useState<Plotly | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  React.useEffect(() => {
    // A module of the old kind: what it gives is its default.
    import('plotly.js-dist-min').then(
      found => setPlotly((found as { default?: Plotly }).default ?? found),
      () => setProblem(trans.__('The charts could not be loaded. Reload the page.'))
    );
  }, [trans]);
  React.useEffect(() => {
    const node = box.current;
    if (!plotly || !node) {
      return;
    }
    let live = true;
    void plotly.react(node, data as Data[], themedLayout(layout, height), CONFIG).then(made => {
      if (live && !node.dataset.ready) {
        node.dataset.ready = 'true';
        onReady?.(made);
      }
    });
    return () => {
      live = false;
    };
  }, [plotly, data, layout, height, dark, onReady]);
  React.useEffect(() => {
    const node = box.current;
    if (!plotly || !node) {
      return;
    }
    const observer = new ResizeObserver(() => {
      if (node.dataset.ready && node.clientWidth > 0) {
        void plotly.Plots.resize(node);
      }
    });
    observer.observe(node);
    return () => {
      observer.disconnect();
      plotly.purge(node);
    };
  }, [plotly]);
  const image = async (format: 'png' | 'svg') => {
    const node = box.current!;
    const size = { width: node.clientWidth, height, scale: format === 'png' ? 2 : 1 };
    return (await fetch(await plotly!.toImage(node, { format, ...size }))).blob();
  };
  return (
    <figure className="lst-Curves lst-Plotly" aria-label={title}>
      <figcaption>
        <span title={title}>{title}</span>
        {props.children}
        <span className="lst-Curves-tools">
          <ChartMenu
            name={title}
            code={props.code}
            csv={props.csv}
            png={() => image('png')}
            svg={async () => (await image('svg')).text()}
            save={save}
          />
        </span>
      </figcaption>
      {problem && <Banner kind="error">{problem}</Banner>}
      <div ref={box} style={{ height }} role="img" aria-label={props.words} />
    </figure>
  );
}

const CONFIG = { displayModeBar: false, responsive: false, displaylogo: false };

function themedLayout(layout: Partial<Layout> | undefined, height: number): Partial<Layout> {
  const axis = {
    gridcolor: themed('--jp-border-color3'),
    zerolinecolor: themed('--jp-border-color2'),
    linecolor: themed('--jp-border-color1'),
    automargin: true
  };
  return {
    height,
    autosize: true,
    margin: { l: 56, r: 16, t: 12, b: 44 },
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: {
      color: themed('--jp-ui-font-color1'),
      family: themed('--jp-ui-font-family'),
      size: 11
    },
    hoverlabel: {
      bgcolor: themed('--jp-layout-color2'),
      bordercolor: themed('--jp-border-color1'),
      font: { color: themed('--jp-ui-font-color1') }
    },
    showlegend: false,
    ...layout,
    xaxis: { ...axis, ...layout?.xaxis },
    yaxis: { ...axis, ...layout?.yaxis }
  };
}
