import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IDocumentManager } from '@jupyterlab/docmanager';

import { DRIVE } from './drive';

const SOURCE = /\.(ipynb|py|sh|r)$/i;

/** Whether a path is something that a job can run. */
export function isSource(path: string): boolean {
  return SOURCE.test(path);
}

/** The path of the document in front, if a job can run it. */
export function openPath(app: JupyterFrontEnd): string | null {
  const widget = app.shell.currentWidget as { context?: { path?: string } } | null;
  const path = widget?.context?.path;
  return path && isSource(path) && app.serviceManager.contents.driveName(path) !== DRIVE
    ? app.serviceManager.contents.localPath(path)
    : null;
}

/** Save the document at a path if it is open and changed, so that what is seen is what runs. */
export async function saved(
  app: JupyterFrontEnd,
  documents: IDocumentManager,
  path: string
): Promise<void> {
  for (const widget of app.shell.widgets('main')) {
    const context = documents.contextForWidget(widget);
    if (
      context?.model.dirty &&
      !context.model.readOnly &&
      app.serviceManager.contents.localPath(context.path) === path
    ) {
      await context.save();
      return;
    }
  }
}
