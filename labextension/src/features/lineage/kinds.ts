import type { TranslationBundle } from '@jupyterlab/translation';

import type { Node } from './api';

/** The kind's name in the reader's language. */
export function kindWord(kind: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    data: trans.__('Data'),
    recipe: trans.__('Recipe'),
    job: trans.__('Job'),
    run: trans.__('Run'),
    logged_model: trans.__('Logged model'),
    model: trans.__('Model'),
    report: trans.__('Report'),
    card: trans.__('Model card'),
    endpoint: trans.__('Endpoint')
  };
  return words[kind] ?? kind;
}

/** How a result stands to its cause: the cause … the result. */
export function relationWord(relation: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    held: trans.__('held'),
    given: trans.__('given to'),
    read: trans.__('read by'),
    used: trans.__('used by'),
    applied: trans.__('applied by'),
    ran: trans.__('ran as'),
    wrote: trans.__('wrote'),
    made: trans.__('made'),
    registered: trans.__('registered as'),
    contains: trans.__('parent of'),
    reran: trans.__('rerun as'),
    reproduced: trans.__('reproduced by'),
    reported: trans.__('reported in'),
    described: trans.__('described by'),
    served: trans.__('served by')
  };
  return words[relation] ?? relation;
}

/** A node's name for whoever hears it. */
export function spoken(node: Node, stale: string | undefined, trans: TranslationBundle): string {
  const word = kindWord(node.kind, trans);
  return stale === undefined
    ? `${word} ${node.label}`
    : trans.__('%1 %2, stale: %3', word, node.label, stale);
}
