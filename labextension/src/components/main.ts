import { MainAreaWidget } from '@jupyterlab/apputils';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Widget } from '@lumino/widgets';

/** A tab of the main area. */
export function mainWidget<T extends Widget>(
  content: T,
  options: { id: string; label: string; icon: LabIcon }
): MainAreaWidget<T> {
  const widget = new MainAreaWidget({ content });
  widget.id = options.id;
  widget.toolbar.hide();
  widget.title.label = options.label;
  widget.title.icon = options.icon;
  widget.title.closable = true;
  return widget;
}
