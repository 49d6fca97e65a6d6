import type { TranslationBundle } from '@jupyterlab/translation';

import type { IServices } from '../../components/context';
import { CommandIDs } from '../../tokens';
import type { Node } from './api';
import { modelParts, nameParts, reportParts } from './names';

interface IOpener {
  command: string;
  args: Record<string, string>;
}

/** The command that opens what a node stands for, if there is one. */
export function opener(node: Node): IOpener | null {
  const [kind, rest] = nameParts(node.id);
  const { model, version, path } = node.facts;
  switch (kind) {
    case 'job':
      return { command: CommandIDs.open, args: { id: rest } };
    case 'run':
      return { command: CommandIDs.openRun, args: { run: rest } };
    case 'report': {
      const report = reportParts(rest);
      return { command: CommandIDs.openRun, args: { ...report, tab: 'artifacts' } };
    }
    case 'model':
      return { command: CommandIDs.openModel, args: modelParts(rest) as Record<string, string> };
    case 'card':
      return model && version
        ? {
            command: CommandIDs.openCard,
            args: { model: String(model), version: String(version) }
          }
        : null;
    case 'data':
      return typeof path === 'string' ? { command: 'docmanager:open', args: { path } } : null;
    default:
      return null;
  }
}

/** Open what a node stands for in the main area. */
export function openNode(node: Node, services: IServices): void {
  const way = opener(node);
  if (way && services.commands.hasCommand(way.command)) {
    void services.commands.execute(way.command, way.args);
  }
}

/** What the button that opens it says. */
export function openWord(node: Node, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    job: trans.__('Open job'),
    run: trans.__('Open run'),
    report: trans.__('Open report'),
    model: trans.__('Open model'),
    card: trans.__('Open card'),
    data: trans.__('Open file')
  };
  return words[node.kind] ?? trans.__('Open');
}
