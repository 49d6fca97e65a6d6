import type { ISessionContext } from '@jupyterlab/apputils';
import { Dialog, InputDialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Session } from '@jupyterlab/services';

import type { Api } from '../../api/client';
import { ApiError } from '../../api/client';
import type { Move } from '../../api/types';
import { bytes } from '../../format';
import { LeftBehind } from './left';

const LOOK_MS = 300;
/** How the kernels of computes are named: labstudio.COMPUTE.NAME */
const OF_A_COMPUTE = /^labstudio\.([^.]+)\../;
const FINAL: readonly Move['phase'][] = ['done', 'refused', 'failed'];

/** Takes a live notebook to another compute, and tells how far it is. */
export class NotebookMover {
  constructor(
    private _api: Api,
    private _sessions: Session.IManager,
    private _trans: TranslationBundle
  ) {}

  /** Ask where to; null when the person thinks better of it, or there is no other place. */
  async choose(context: ISessionContext): Promise<string | null> {
    const trans = this._trans;
    const here = OF_A_COMPUTE.exec(context.session?.kernel?.name ?? '')?.[1] ?? 'local';
    const computes = (await this._api.computes()).items.filter(
      each => each.state === 'ready' && each.hosts_kernels && each.name !== here
    );
    const names = computes.map(each => each.name);
    if (!names.length) {
      Notification.info(trans.__('There is no other compute that is ready and has kernels.'));
      return null;
    }
    const result = await InputDialog.getItem({
      title: trans.__('Move the notebook'),
      label: trans.__('Its variables come along. To which compute?'),
      items: [...names, trans.__('back: where it came from')],
      okLabel: trans.__('Move')
    });
    if (!result.button.accept || result.value === null) {
      return null;
    }
    return names.includes(result.value) ? result.value : 'back';
  }

  /** Move it; what cannot travel is shown before anything is done. */
  async move(context: ISessionContext, to: string): Promise<void> {
    const kernel = context.session?.kernel;
    if (!kernel) {
      Notification.error(this._trans.__('The notebook has no kernel to move.'));
      return;
    }
    let move = await this._follow(kernel.id, to, false);
    if (move?.phase === 'refused' && move.left.length > 0) {
      const result = await showDialog({
        title: this._trans.__('Some names cannot travel'),
        body: new LeftBehind(move.left, this._trans),
        buttons: [
          Dialog.cancelButton(),
          Dialog.warnButton({ label: this._trans.__('Move without them') })
        ]
      });
      move = result.button.accept ? await this._follow(kernel.id, to, true) : null;
    }
    if (move?.phase === 'done') {
      // The session has another kernel now; the notebook learns it from the list of sessions.
      await this._sessions.refreshRunning();
    }
  }

  private async _follow(kernelId: string, to: string, leave: boolean): Promise<Move | null> {
    const trans = this._trans;
    const note = Notification.emit(trans.__('Moving the notebook…'), 'in-progress', {
      autoClose: false,
      actions: [
        {
          label: trans.__('Cancel'),
          callback: () => void this._api.cancelMove(kernelId).catch(() => undefined)
        }
      ]
    });
    try {
      let move = await this._api.createMove(kernelId, { to, leave_behind: leave });
      while (!FINAL.includes(move.phase)) {
        Notification.update({ id: note, message: phaseWords(move, trans) });
        await new Promise(resolve => window.setTimeout(resolve, LOOK_MS));
        move = await this._api.move(kernelId);
      }
      this._tellEnd(note, move);
      return move;
    } catch (reason) {
      Notification.update({
        id: note,
        type: 'error',
        message: ApiError.from(reason).message,
        autoClose: 8000,
        actions: []
      });
      return null;
    }
  }

  private _tellEnd(note: string, move: Move): void {
    const asked = move.phase === 'refused' && move.left.length > 0;
    if (asked) {
      Notification.dismiss(note);
      return;
    }
    const done = move.phase === 'done';
    Notification.update({
      id: note,
      type: done ? 'success' : 'error',
      message: done
        ? this._trans.__('The notebook is on %1 now, with %2 names.', move.place, move.names)
        : move.message,
      autoClose: done ? 5000 : 10000,
      actions: []
    });
  }
}

/** What a move is doing, in a few words. */
export function phaseWords(move: Move, trans: TranslationBundle): string {
  switch (move.phase) {
    case 'looking':
      return trans.__('Looking at the notebook’s names…');
    case 'starting':
      return trans.__('Starting a kernel on %1…', move.place || move.to);
    case 'packing':
    case 'sending':
      return move.size_bytes
        ? trans.__('Sending %1 of %2…', bytes(move.sent_bytes), bytes(move.size_bytes))
        : trans.__('Packing…');
    case 'restoring':
      return trans.__('Restoring the names…');
    default:
      return trans.__('Switching over…');
  }
}
