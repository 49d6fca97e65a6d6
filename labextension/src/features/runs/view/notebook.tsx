import type { INotebookContent } from '@jupyterlab/nbformat';
import { NotebookModel, StaticNotebook } from '@jupyterlab/notebook';
import * as React from 'react';

import { ApiError } from '../../../api/client';
import { Banner } from '../../../components/basics';
import { useServices } from '../../../components/context';
import type { RunModel } from '../model';
import { Hosted, useTools } from '../tools';

/** A notebook as it was saved: read-only, and no script of it runs. */
export function NotebookPreview(props: { model: RunModel; path: string }): JSX.Element | null {
  const { model, path } = props;
  const { api } = useServices();
  const { rendermime, editorServices } = useTools();
  const [content, setContent] = React.useState<INotebookContent | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  React.useEffect(() => {
    let live = true;
    api
      .blob(model.runs.fileUrl(model.id, path))
      .then(blob => blob.text())
      .then(text => live && setContent(JSON.parse(text)))
      .catch(reason => live && setProblem(ApiError.from(reason).message));
    return () => {
      live = false;
    };
  }, [api, model, path]);
  const make = React.useCallback(() => {
    const { factoryService, mimeTypeService } = editorServices;
    const notebook = new StaticNotebook({
      rendermime: rendermime.clone(),
      contentFactory: new StaticNotebook.ContentFactory({
        editorFactory: options => factoryService.newInlineEditor(options)
      }),
      mimeTypeService,
      notebookConfig: {
        ...StaticNotebook.defaultNotebookConfig,
        windowingMode: 'none',
        scrollPastEnd: false
      }
    });
    const data = new NotebookModel({});
    data.fromJSON(content!);
    data.readOnly = true;
    notebook.model = data;
    notebook.addClass('lst-Notebook');
    notebook.disposed.connect(() => data.dispose());
    return notebook;
  }, [content, rendermime, editorServices]);
  return problem ? (
    <Banner kind="error">{problem}</Banner>
  ) : (
    content && <Hosted make={make} className="lst-Artifacts-notebook" />
  );
}
