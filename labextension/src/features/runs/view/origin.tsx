import * as React from 'react';

import { ApiError } from '../../../api/client';
import { Facts } from '../../../components/basics';
import { useServices, useTrans } from '../../../components/context';
import { bytes, number } from '../../../format';
import type { RunModel } from '../model';
import { Code, Diff } from '../tools';
import type { Capsule, RunDetail } from '../types';

const FOLDER = 'labstudio';
const MOST_BYTES = 200_000;

/** What a run came from: code, commit, packages and machine, as they were when it began. */
export function Origin(props: {
  model: RunModel;
  run: RunDetail;
  onArtifact: (path: string) => void;
}): JSX.Element {
  const { model, run, onArtifact } = props;
  const { commands } = useServices();
  const trans = useTrans();
  const { capsule } = run;
  const source = capsule?.notebook ?? run.notebook ?? run.source;
  // A path of the machine, and not of JupyterLab's files, cannot be opened here.
  const known = source && !source.startsWith('/') && /\.(ipynb|py|R|sh)$/.test(source);
  const commit = capsule?.git?.commit ?? run.git_commit;
  const link = (path: string, label: string) => (
    <button type="button" className="lst-Link" onClick={() => onArtifact(`${FOLDER}/${path}`)}>
      {label}
    </button>
  );
  return (
    <>
      <section>
        <h3>{trans.__('Where it came from')}</h3>
        <Facts
          items={[
            [
              source?.endsWith('.ipynb') ? trans.__('Notebook') : trans.__('Source'),
              known ? (
                <button
                  type="button"
                  className="lst-Link"
                  onClick={() => void commands.execute('docmanager:open', { path: source })}
                >
                  {source}
                </button>
              ) : (
                source && <code>{source}</code>
              )
            ],
            [
              trans.__('Git commit'),
              commit && (
                <>
                  <code title={commit}>{commit.slice(0, 10)}</code> {capsule?.git?.branch}{' '}
                  {capsule?.git?.dirty && <em>{trans.__('with changes not committed')}</em>}
                </>
              )
            ],
            [trans.__('Remote'), capsule?.git?.remote],
            [
              trans.__('Cells run before'),
              capsule?.kind === 'notebook' && link('history.ipynb', trans.__('Show them'))
            ],
            [trans.__('Packages'), capsule && link('requirements.txt', trans.__('Show them'))],
            [trans.__('Seeds'), capsule && seeds(capsule)]
          ]}
        />
        {!capsule && (
          <p className="lst-Quiet">
            {trans.__('Nothing else was recorded: the run did not begin in the studio.')}
          </p>
        )}
      </section>
      {capsule && (
        <section>
          <h3>{trans.__('Where it ran')}</h3>
          <Facts
            items={[
              [trans.__('Compute'), capsule.compute],
              [trans.__('Processor'), capsule.hardware?.cpu],
              [trans.__('Cores'), capsule.hardware?.cores && String(capsule.hardware.cores)],
              [trans.__('Memory'), bytes(capsule.hardware?.memory_bytes)],
              [
                trans.__('GPUs'),
                capsule.hardware?.gpus
                  ?.map(gpu => [gpu.name, bytes(gpu.memory_bytes)].filter(Boolean).join(', '))
                  .join('; ')
              ],
              [
                trans.__('Python'),
                `${capsule.python.version} ${capsule.python.implementation ?? ''}`
              ],
              [trans.__('Platform'), capsule.platform]
            ]}
          />
        </section>
      )}
      {capsule?.cell?.source && (
        <section data-wide>
          <h3>
            {capsule.cell.execution_count
              ? trans.__('Cell [%1]', capsule.cell.execution_count)
              : trans.__('Cell')}
          </h3>
          <Code source={capsule.cell.source} />
        </section>
      )}
      {capsule?.git?.dirty && <GitDiff model={model} />}
    </>
  );
}

function seeds(capsule: Capsule): string {
  return Object.entries(capsule.seeds ?? {})
    .map(([name, value]) => `${name} ${typeof value === 'number' ? number(value) : String(value)}`)
    .join(', ');
}

/** What differed from the commit. */
function GitDiff(props: { model: RunModel }): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  const [text, setText] = React.useState<string | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  const load = async () => {
    try {
      setText(await model.runs.text(model.id, `${FOLDER}/git.diff`, MOST_BYTES));
    } catch (reason) {
      setProblem(ApiError.from(reason).message);
    }
  };
  return (
    <section data-wide>
      <details onToggle={event => event.currentTarget.open && text === null && void load()}>
        <summary>
          <strong>{trans.__('Changes that were not committed')}</strong>
        </summary>
        {problem && <p className="lst-Quiet">{problem}</p>}
        {text !== null && <Diff text={text} />}
      </details>
    </section>
  );
}
