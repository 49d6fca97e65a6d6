import { MenuSvg } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';

export interface IMenuItem {
  label: string;
  act: () => unknown;
  checked?: boolean;
  disabled?: boolean;
}

/** Open a menu of a few things to do; a null draws a line. */
export function popMenu(items: readonly (IMenuItem | null)[], x: number, y: number): void {
  const commands = new CommandRegistry();
  const menu = new MenuSvg({ commands });
  items.forEach((item, index) => {
    if (!item) {
      menu.addItem({ type: 'separator' });
      return;
    }
    const command = `item-${index}`;
    commands.addCommand(command, {
      label: item.label,
      isToggled: () => item.checked === true,
      isToggleable: item.checked !== undefined,
      isEnabled: () => item.disabled !== true,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => item.act()
    });
    menu.addItem({ command });
  });
  const before = document.activeElement;
  menu.aboutToClose.connect(() => {
    window.setTimeout(() => {
      menu.dispose();
      if (document.activeElement === document.body && before instanceof HTMLElement) {
        before.focus({ preventScroll: true });
      }
    }, 0);
  }, menu);
  menu.open(x, y);
}

/** Open a menu below what was pressed. */
export function menuBelow(items: readonly (IMenuItem | null)[], element: Element): void {
  const { left, bottom } = element.getBoundingClientRect();
  popMenu(items, left, bottom);
}
