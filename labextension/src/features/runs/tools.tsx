import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { IRenderMime, IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { MimeModel } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

/** What draws documents. */
export interface ITools {
  rendermime: IRenderMimeRegistry;
  editorServices: IEditorServices;
}

export const Tools = React.createContext<ITools | null>(null);

export function useTools(): ITools {
  return React.useContext(Tools)!;
}

/** A Lumino widget inside of React; it is disposed of with its place. */
export function Hosted(props: { make: () => Widget; className?: string }): JSX.Element {
  const place = React.useRef<HTMLDivElement>(null);
  const { make } = props;
  React.useLayoutEffect(() => {
    const widget = make();
    Widget.attach(widget, place.current!);
    return () => widget.dispose();
  }, [make]);
  return <div ref={place} className={props.className} />;
}

/** Something that JupyterLab draws, as if it were not trusted: no script of it runs. */
export function Rendered(props: { type: string; data: unknown; className?: string }): JSX.Element {
  const { rendermime } = useTools();
  const { type, data } = props;
  const make = React.useCallback(() => {
    const renderer: IRenderMime.IRenderer = rendermime.createRenderer(type);
    const model = new MimeModel({ data: { [type]: data as string }, trusted: false });
    void renderer.renderModel(model);
    return renderer;
  }, [rendermime, type, data]);
  return <Hosted make={make} className={`lst-Rendered ${props.className ?? ''}`} />;
}

/** Code in its colours. */
export function Code(props: { source: string; language?: string }): JSX.Element {
  // A fence longer than any in the code.
  const longest = Math.max(2, ...(props.source.match(/`+/g) ?? []).map(each => each.length));
  const fence = '`'.repeat(longest + 1);
  const text = `${fence}${props.language ?? 'python'}\n${props.source}\n${fence}`;
  return <Rendered type="text/markdown" data={text} className="lst-Code" />;
}

/** A unified diff, its lines in the colours of what they do. */
export function Diff(props: { text: string }): JSX.Element {
  const kind = (line: string) =>
    line.startsWith('@@') || line.startsWith('diff ')
      ? 'place'
      : /^(\+\+\+|---) /.test(line)
        ? 'file'
        : line.startsWith('+')
          ? 'added'
          : line.startsWith('-')
            ? 'removed'
            : 'same';
  return (
    <pre className="lst-Diff">
      {props.text
        .replace(/\n$/, '')
        .split('\n')
        .map((line, at) => (
          <span key={at} data-kind={kind(line)}>
            {line || ' '}
          </span>
        ))}
    </pre>
  );
}
