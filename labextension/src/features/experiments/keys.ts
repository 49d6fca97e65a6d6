/** What the keyboard does in a run table; the help is made of the same list. Pure. */

import type { TranslationBundle } from '@jupyterlab/translation';

export type Action =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'page-up'
  | 'page-down'
  | 'row-start'
  | 'row-end'
  | 'first'
  | 'last'
  | 'extend-up'
  | 'extend-down'
  | 'select'
  | 'extend'
  | 'select-all'
  | 'clear'
  | 'open'
  | 'favourite'
  | 'edit'
  | 'note'
  | 'tag'
  | 'compare'
  | 'archive'
  | 'delete'
  | 'undo'
  | 'copy'
  | 'copy-id'
  | 'menu'
  | 'filter'
  | 'help'
  | 'sort'
  | 'sort-too'
  | 'narrower'
  | 'wider'
  | 'move-left'
  | 'move-right';

export type Place = 'head' | 'row';

/** A key event, as far as it matters. */
export interface IKey {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

interface IShortcut {
  keys: readonly string[];
  action: Action;
  /** Only there; everywhere when left out. */
  place?: Place;
}

// `Accel` is Ctrl, and Cmd on a Mac. A key that stands here without Shift means the same with it
// only where letters make it so.
const SHORTCUTS: readonly IShortcut[] = [
  { keys: ['ArrowUp'], action: 'up' },
  { keys: ['ArrowDown'], action: 'down' },
  { keys: ['ArrowLeft'], action: 'left' },
  { keys: ['ArrowRight'], action: 'right' },
  { keys: ['PageUp'], action: 'page-up' },
  { keys: ['PageDown'], action: 'page-down' },
  { keys: ['Home'], action: 'row-start' },
  { keys: ['End'], action: 'row-end' },
  { keys: ['Accel Home'], action: 'first' },
  { keys: ['Accel End'], action: 'last' },
  { keys: ['Enter'], action: 'sort', place: 'head' },
  { keys: ['Shift Enter'], action: 'sort-too', place: 'head' },
  { keys: ['Shift ArrowLeft'], action: 'narrower', place: 'head' },
  { keys: ['Shift ArrowRight'], action: 'wider', place: 'head' },
  { keys: ['Accel ArrowLeft'], action: 'move-left', place: 'head' },
  { keys: ['Accel ArrowRight'], action: 'move-right', place: 'head' },
  { keys: ['Shift ArrowUp'], action: 'extend-up', place: 'row' },
  { keys: ['Shift ArrowDown'], action: 'extend-down', place: 'row' },
  { keys: [' '], action: 'select', place: 'row' },
  { keys: ['Shift  '], action: 'extend', place: 'row' },
  { keys: ['Accel a'], action: 'select-all' },
  { keys: ['Escape'], action: 'clear' },
  { keys: ['Enter'], action: 'open', place: 'row' },
  { keys: ['f'], action: 'favourite', place: 'row' },
  { keys: ['n'], action: 'note', place: 'row' },
  { keys: ['t'], action: 'tag', place: 'row' },
  { keys: ['F2'], action: 'edit', place: 'row' },
  { keys: ['c'], action: 'compare', place: 'row' },
  { keys: ['e'], action: 'archive', place: 'row' },
  { keys: ['Delete', 'Backspace'], action: 'delete', place: 'row' },
  { keys: ['Accel z'], action: 'undo' },
  { keys: ['Accel c'], action: 'copy', place: 'row' },
  { keys: ['Accel Shift c'], action: 'copy-id', place: 'row' },
  { keys: ['ContextMenu', 'Shift F10'], action: 'menu' },
  { keys: ['/'], action: 'filter' },
  { keys: ['?'], action: 'help' }
];

/** What a key does at a place; null when it does nothing there. */
export function actionOf(event: IKey, place: Place): Action | null {
  const letter = event.key.length === 1;
  // The characters ? and / say by themselves whether Shift is held.
  const shift = event.shiftKey && !(letter && /[?/]/.test(event.key));
  const pressed = [
    event.ctrlKey || event.metaKey ? 'Accel' : '',
    event.altKey ? 'Alt' : '',
    shift ? 'Shift' : '',
    letter ? event.key.toLowerCase() : event.key
  ]
    .filter(Boolean)
    .join(' ');
  const found = SHORTCUTS.find(
    each => each.keys.includes(pressed) && (each.place ?? place) === place
  );
  return found?.action ?? null;
}

/** The shortcuts as they are listed: keys, and what they do. */
export function shortcutList(
  trans: TranslationBundle,
  accel: string
): readonly { title: string; items: readonly (readonly [string, string])[] }[] {
  const show = (...actions: Action[]) =>
    actions
      .map(action => {
        const keys = SHORTCUTS.find(each => each.action === action)?.keys[0] ?? '';
        return keys
          .replace('Accel', accel)
          .replace(/Arrow(\w+)/, (_, side: keyof typeof ARROWS) => ARROWS[side])
          .replace(/(^|[ ]) $/, `$1${trans.__('Space')}`)
          .replace(/(^| )([a-z])$/, (_, before: string, key: string) => before + key.toUpperCase())
          .split(' ')
          .join('+');
      })
      .join(' ');
  return [
    {
      title: trans.__('Move'),
      items: [
        [show('up', 'down', 'left', 'right'), trans.__('From cell to cell')],
        [show('page-up', 'page-down'), trans.__('A page up or down')],
        [show('row-start', 'row-end'), trans.__('First or last cell of the row')],
        [show('first', 'last'), trans.__('First or last run')],
        [show('right', 'left'), trans.__('Open or close a group, on its row')]
      ]
    },
    {
      title: trans.__('Select'),
      items: [
        [show('select'), trans.__('Select the run, or not')],
        [show('extend', 'extend-up', 'extend-down'), trans.__('Select up to here')],
        [show('select-all'), trans.__('Select all that the filters let through')],
        [show('clear'), trans.__('Select none')]
      ]
    },
    {
      title: trans.__('Do'),
      items: [
        [show('open'), trans.__('Open the run')],
        [show('compare'), trans.__('Compare the selected runs')],
        [show('favourite'), trans.__('Favourite, or not')],
        [show('note'), trans.__('Write the note')],
        [show('tag'), trans.__('Tag')],
        [show('archive'), trans.__('Archive, or take back from there')],
        [show('delete'), trans.__('Delete, or restore')],
        [show('undo'), trans.__('Undo what was done last')],
        [show('copy'), trans.__('Copy the cell')],
        [show('copy-id'), trans.__('Copy the run’s id')],
        [show('menu'), trans.__('All that can be done')],
        [show('filter'), trans.__('Go to the filter')]
      ]
    },
    {
      title: trans.__('On the head of a column'),
      items: [
        [show('sort'), trans.__('Sort by it')],
        [show('sort-too'), trans.__('Sort by it too')],
        [show('narrower', 'wider'), trans.__('Narrower or wider')],
        [show('move-left', 'move-right'), trans.__('Move the column')]
      ]
    }
  ];
}

const ARROWS = { Up: '↑', Down: '↓', Left: '←', Right: '→' } as const;
