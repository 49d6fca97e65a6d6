import { downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ApiError } from '../../../api/client';
import { Banner, Empty, Facts } from '../../../components/basics';
import { useServices, useTrans } from '../../../components/context';
import { Table } from '../../../components/table';
import { bytes } from '../../../format';
import type { RunModel } from '../model';
import { Code, Diff, Rendered } from '../tools';
import type { Artifact, ModelFacts, SignatureField } from '../types';
import { NotebookPreview } from './notebook';
import { TablePreview } from './table';

/** So much of a text is shown; the rest is for the download. */
const MOST_BYTES = 400_000;
/** With more than this colours take too long. */
const MOST_COLOURED = 100_000;

interface IPreviewProps {
  model: RunModel;
  item: Artifact;
}

/** A look at one artifact. */
export function Preview(props: IPreviewProps): JSX.Element {
  const { model, item } = props;
  const trans = useTrans();
  return (
    <>
      <div className="lst-Artifacts-head">
        <strong title={item.path}>{item.path}</strong>
        <span className="lst-Quiet">{bytes(item.size_bytes)}</span>
        <a
          className="lst-IconButton"
          href={model.runs.fileUrl(model.id, item.path, true)}
          download={item.name}
          title={trans.__('Download')}
          aria-label={trans.__('Download %1', item.name)}
        >
          <downloadIcon.react tag="span" elementSize="normal" />
        </a>
      </div>
      <div className="lst-Artifacts-body" data-preview={item.preview}>
        <Body {...props} />
      </div>
    </>
  );
}

function Body(props: IPreviewProps): JSX.Element {
  const { model, item } = props;
  const trans = useTrans();
  const url = model.runs.fileUrl(model.id, item.path);
  switch (item.preview) {
    case 'image':
      return <img src={url} alt={item.name} />;
    case 'html':
      // An origin of its own: its scripts run, and reach nothing of this page.
      return <iframe src={url} sandbox="allow-scripts" title={item.name} />;
    case 'pdf':
      return <Pdf {...props} />;
    case 'audio':
      return <audio controls src={url} />;
    case 'video':
      return <video controls src={url} />;
    case 'table':
      return <TablePreview model={model} path={item.path} />;
    case 'notebook':
      return <NotebookPreview model={model} path={item.path} />;
    case 'text':
      return <Text {...props} />;
    default:
      return <Empty>{trans.__('This kind of file cannot be shown here.')}</Empty>;
  }
}

function Text(props: IPreviewProps): JSX.Element | null {
  const { model, item } = props;
  const trans = useTrans();
  const size = item.size_bytes ?? MOST_BYTES;
  const [text, setText] = React.useState<string | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  React.useEffect(() => {
    let live = true;
    // There is no first part of nothing.
    const read = size ? model.runs.text(model.id, item.path, MOST_BYTES) : Promise.resolve('');
    read.then(
      found => live && setText(found),
      reason => live && setProblem(ApiError.from(reason).message)
    );
    return () => {
      live = false;
    };
  }, [model, item.path, size]);
  if (problem) {
    return <Banner kind="error">{problem}</Banner>;
  }
  if (text === '') {
    return <Empty>{trans.__('This file is empty.')}</Empty>;
  }
  return text === null ? null : (
    <>
      {size > MOST_BYTES && (
        <Banner kind="info">
          {trans.__('This is its beginning. Download it to see the rest.')}
        </Banner>
      )}
      <Written text={text} name={item.name} />
    </>
  );
}

const LANGUAGES: Record<string, string> = {
  py: 'python',
  json: 'json',
  yaml: 'yaml',
  yml: 'yaml',
  toml: 'toml',
  sql: 'sql',
  r: 'r',
  sh: 'bash',
  js: 'javascript',
  ts: 'typescript',
  css: 'css',
  xml: 'xml'
};

function Written(props: { text: string; name: string }): JSX.Element {
  const { text, name } = props;
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  if (ending === 'md') {
    return <Rendered type="text/markdown" data={text} />;
  }
  if (ending === 'diff' || ending === 'patch') {
    return <Diff text={text} />;
  }
  const language = name === 'MLmodel' ? 'yaml' : LANGUAGES[ending];
  return language && text.length < MOST_COLOURED ? (
    <Code source={ending === 'json' ? pretty(text) : text} language={language} />
  ) : (
    <pre className="lst-Artifacts-text">{text}</pre>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // Not JSON after all, or cut off: as it is.
  }
}

/** The browser's own viewer works on content of the page only, and not in a sandbox. */
function Pdf(props: IPreviewProps): JSX.Element | null {
  const { model, item } = props;
  const { api } = useServices();
  const [url, setUrl] = React.useState<string | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  React.useEffect(() => {
    let made: string | null = null;
    let live = true;
    api.blob(model.runs.fileUrl(model.id, item.path)).then(
      blob => {
        if (live) {
          made = URL.createObjectURL(new Blob([blob], { type: 'application/pdf' }));
          setUrl(made);
        }
      },
      reason => live && setProblem(ApiError.from(reason).message)
    );
    return () => {
      live = false;
      if (made) {
        URL.revokeObjectURL(made);
      }
    };
  }, [api, model, item.path]);
  if (problem) {
    return <Banner kind="error">{problem}</Banner>;
  }
  return url === null ? null : <embed src={url} type="application/pdf" title={item.name} />;
}

/** What a logged model is, takes and gives. */
export function ModelFactsView(props: { facts: ModelFacts }): JSX.Element {
  const { facts } = props;
  const trans = useTrans();
  const fields = (label: string, items: readonly SignatureField[]) =>
    items.length > 0 && (
      <section>
        <h3>{label}</h3>
        <Table
          label={label}
          items={items}
          id={each => each.name ?? each.type}
          columns={[
            { head: trans.__('Name'), cell: each => each.name ?? '–', kind: 'wrap' },
            { head: trans.__('Type'), cell: each => each.type },
            { head: trans.__('Shape'), cell: each => each.shape?.join(' × ') ?? '' },
            {
              head: trans.__('Required'),
              cell: each => (each.required ? trans.__('yes') : trans.__('no'))
            }
          ]}
        />
      </section>
    );
  return (
    <div className="lst-ModelFacts">
      <Facts
        items={[
          [trans.__('Flavours'), facts.flavors.join(', ')],
          [trans.__('Size'), bytes(facts.size_bytes)],
          [trans.__('MLflow'), facts.mlflow_version],
          [trans.__('Python'), facts.python_version],
          [trans.__('Id'), facts.model_id && <code>{facts.model_id}</code>]
        ]}
      />
      {facts.inputs.length + facts.outputs.length === 0 && (
        <p className="lst-Quiet">{trans.__('It was logged without a signature.')}</p>
      )}
      {fields(trans.__('Takes'), facts.inputs)}
      {fields(trans.__('Gives'), facts.outputs)}
      {fields(trans.__('Parameters'), facts.params)}
      {facts.input_example !== null && facts.input_example !== undefined && (
        <section>
          <h3>{trans.__('Input example')}</h3>
          <Code source={JSON.stringify(facts.input_example, null, 2)} language="json" />
        </section>
      )}
    </div>
  );
}
