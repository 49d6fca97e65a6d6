import * as React from 'react';

import type { IServices } from '../../../components/context';
import { useServices } from '../../../components/context';
import { KindMark } from '../../../components/kind';
import { CommandIDs } from '../../../tokens';
import type { Source } from '../types';

/** What a claim was taken from, each a link to the run, cell, data or report. */
export function Sources(props: { sources: readonly Source[] | undefined }): JSX.Element | null {
  const services = useServices();
  const { trans } = services;
  const { sources = [] } = props;
  if (sources.length === 0) {
    return null;
  }
  return (
    <span className="lst-Sources">
      {sources.map((source, index) =>
        source.kind === 'person' ? (
          <span key={index} className="lst-Source" title={trans.__('Said by a person')}>
            {source.label}
          </span>
        ) : (
          <button
            key={index}
            type="button"
            className="lst-Source"
            title={trans.__('Taken from %1: open it', source.label)}
            onClick={() => openSource(source, services)}
          >
            <KindMark kind={source.kind} />
            {/* The card's own model need not be named at each of its claims. */}
            <span className={source.kind === 'model' ? 'lst-sr' : undefined}>{source.label}</span>
          </button>
        )
      )}
    </span>
  );
}

/** Open what a claim was taken from. */
function openSource(source: Source, services: IServices): void {
  const { commands } = services;
  const rest = source.object.slice(source.object.indexOf(':') + 1);
  if (source.kind === 'cell' && source.notebook) {
    void commands.execute('docmanager:open', { path: source.notebook });
  } else if (source.kind === 'report' && source.run_id) {
    const path = rest.slice(rest.indexOf('/') + 1);
    void commands.execute(CommandIDs.openRun, { run: source.run_id, tab: 'artifacts', path });
  } else if (source.kind === 'model') {
    const cut = rest.lastIndexOf('/');
    void commands.execute(CommandIDs.openModel, {
      model: rest.slice(0, cut),
      version: Number(rest.slice(cut + 1))
    });
  } else if (source.run_id && source.kind !== 'data') {
    void commands.execute(CommandIDs.openRun, { run: source.run_id });
  } else {
    void commands.execute(CommandIDs.openLineage, { object: source.object });
  }
}
