import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';

import type { IServices } from '../../components/context';
import { Notification } from '@jupyterlab/apputils';
import { ApiError } from '../../api/client';
import type { TableActions } from './actions';
import type { ISavedView, ViewsModel } from './lists';
import type { IMenuItem } from './menu';
import { INITIAL } from './state';

/** Saved views: to choose, save, rename, share and delete. */
export function viewsMenu(
  actions: TableActions,
  views: ViewsModel,
  services: IServices
): (IMenuItem | null)[] {
  const { trans } = services;
  const { model } = actions;
  const current = views.find(model.view);
  const attempt = async (action: () => Promise<unknown>) => {
    try {
      await action();
    } catch (reason) {
      Notification.error(ApiError.from(reason).message);
    }
  };
  const use = (view: ISavedView) => ({
    label: view.mine ? view.name : trans.__('%1 (of %2)', view.name, view.user),
    checked: view.id === model.view,
    act: () => model.useView(view.id, view.state)
  });
  const ask = async (title: string, text: string): Promise<string | null> => {
    const answer = await InputDialog.getText({
      title,
      label: trans.__('Name'),
      text,
      okLabel: trans.__('Save')
    });
    return answer.button.accept ? (answer.value?.trim() ?? null) || null : null;
  };
  const mine = views.items.filter(view => view.mine);
  const others = views.items.filter(view => !view.mine);
  const items: (IMenuItem | null)[] = [
    {
      label: trans.__('Default'),
      checked: !current,
      act: () => model.useView(null, { ...INITIAL, experiments: model.state.experiments })
    },
    ...mine.map(use),
    ...(others.length ? [null, ...others.map(use)] : []),
    null
  ];
  if (current) {
    items.push({
      label: trans.__('Back to “%1” as It Was Saved', current.name),
      disabled: !model.isTouched(current.state),
      act: () => model.useView(current.id, current.state)
    });
  }
  if (current?.mine) {
    items.push(
      {
        label: trans.__('Save “%1”', current.name),
        disabled: !model.isTouched(current.state),
        act: () => attempt(() => views.update(current.id, { content: model.state }))
      },
      {
        label: trans.__('Share with Everybody'),
        checked: current.shared,
        act: () => attempt(() => views.update(current.id, { shared: !current.shared }))
      },
      {
        label: trans.__('Rename…'),
        act: async () => {
          const name = await ask(trans.__('Rename the view'), current.name);
          if (name) {
            await attempt(() => views.update(current.id, { name }));
          }
        }
      },
      {
        label: trans.__('Delete View…'),
        act: async () => {
          const { button } = await showDialog({
            title: trans.__('Delete the view “%1”?', current.name),
            body: current.shared
              ? trans.__('It goes for everybody. The runs stay.')
              : trans.__('The runs stay.'),
            buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })]
          });
          if (button.accept) {
            await attempt(async () => {
              await views.remove(current.id);
              model.view = null;
            });
          }
        }
      }
    );
  }
  items.push({
    label: trans.__('Save as New View…'),
    act: async () => {
      const name = await ask(trans.__('Save what is shown as a view'), '');
      if (name) {
        await attempt(async () => {
          model.view = (await views.create(name, model.state)).id;
        });
      }
    }
  });
  return items;
}
