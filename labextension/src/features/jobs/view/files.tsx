import { downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ApiError } from '../../../api/client';
import type { JobFile } from '../../../api/types';
import { Banner, Empty } from '../../../components/basics';
import { useServices, useSignal } from '../../../components/context';
import { When } from '../../../components/state';
import { bytes } from '../../../format';
import { CommandIDs } from '../../../tokens';
import type { JobModel } from './model';

/** What the job left: open in JupyterLab's own viewers, or download. */
export function FilesTab(props: { model: JobModel; visible: boolean }): JSX.Element {
  const { model, visible } = props;
  const { api, commands, trans } = useServices();
  const revision = useSignal(model.changed);
  const [items, setItems] = React.useState<readonly JobFile[] | null>(null);
  const [error, setError] = React.useState<string | null>(null);
  const attempt = model.number;
  React.useEffect(() => {
    if (!visible || attempt === 0) {
      return;
    }
    let live = true;
    api.files(model.id, attempt).then(
      files => {
        if (live) {
          setItems(files.items);
          setError(null);
        }
      },
      reason => live && setError(ApiError.from(reason).message)
    );
    return () => {
      live = false;
    };
  }, [api, model.id, attempt, visible, revision]);

  const roles: Record<JobFile['role'], string> = {
    notebook: trans.__('Output notebook'),
    html: trans.__('Rendered page'),
    log: trans.__('Log'),
    output: trans.__('Output'),
    result: trans.__('Result')
  };
  if (error) {
    return <Banner kind="error">{error}</Banner>;
  }
  if (!items || items.length === 0) {
    return <Empty>{trans.__('Files that the job writes beside itself appear here.')}</Empty>;
  }
  return (
    <div className="lst-Scroll">
      <table className="lst-Table">
        <thead>
          <tr>
            <th>{trans.__('File')}</th>
            <th>{trans.__('What')}</th>
            <th data-number>{trans.__('Size')}</th>
            <th data-less>{trans.__('Changed')}</th>
            <th aria-label={trans.__('Download')} />
          </tr>
        </thead>
        <tbody>
          {items.map(file => (
            <tr key={`${file.role}/${file.path}`}>
              <td className="lst-Wrap">
                <button
                  type="button"
                  className="lst-Link"
                  onClick={() =>
                    void commands.execute(CommandIDs.openFile, {
                      id: model.id,
                      attempt,
                      path: file.path
                    })
                  }
                >
                  {file.name}
                </button>
              </td>
              <td>{roles[file.role]}</td>
              <td data-number>
                {file.role === 'html' && !file.size_bytes ? '' : bytes(file.size_bytes)}
              </td>
              <td data-less>
                <When at={file.modified_at} />
              </td>
              <td>
                <a
                  className="lst-IconButton"
                  href={api.fileUrl(model.id, file.path, { attempt, download: true })}
                  download
                  title={trans.__('Download')}
                  aria-label={trans.__('Download %1', file.name)}
                >
                  <downloadIcon.react tag="span" elementSize="normal" />
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
