import { MenuSvg } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { IconButton } from '../../../components/basics';
import { useServices } from '../../../components/context';
import { CommandIDs } from '../../../tokens';
import { takeIcon } from './icons';

/** Ways to take a chart along. */
export interface IExport {
  name: string;
  /** Python that draws the same. */
  code?: () => string;
  png: () => Promise<Blob>;
  svg: () => Promise<string>;
  csv: () => string;
}

/** The button with what can be done with a chart. */
export function ChartMenu(
  props: IExport & { save: (content: Blob | string, name: string) => void }
): JSX.Element {
  const { commands, trans } = useServices();
  const open = (event: React.MouseEvent) => {
    const { left, bottom } = event.currentTarget.getBoundingClientRect();
    const own = new CommandRegistry();
    const menu = new MenuSvg({ commands: own });
    const add = (id: string, label: string, execute: () => unknown) => {
      own.addCommand(id, {
        label,
        describedBy: { args: { type: 'object', properties: {} } },
        execute
      });
      menu.addItem({ command: id });
    };
    const { code, name } = props;
    if (code) {
      add('notebook', trans.__('Copy to the notebook'), () =>
        commands.execute(CommandIDs.copyChart, { code: code() })
      );
    }
    add('png', trans.__('Save as PNG'), async () => props.save(await props.png(), `${name}.png`));
    add('svg', trans.__('Save as SVG'), async () => props.save(await props.svg(), `${name}.svg`));
    add('csv', trans.__('Save as CSV'), () => props.save(props.csv(), `${name}.csv`));
    menu.aboutToClose.connect(() => window.setTimeout(() => menu.dispose()));
    menu.open(left, bottom);
  };
  return <IconButton icon={takeIcon} label={trans.__('Take this chart along')} onClick={open} />;
}
