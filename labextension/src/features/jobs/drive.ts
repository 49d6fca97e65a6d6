import type { Contents, ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Api } from '../../api/client';

export const DRIVE = 'labstudio';

/** The path of a job's file in JupyterLab: any viewer can open it. */
export function drivePath(id: string, attempt: number, path: string): string {
  return `${DRIVE}:${id}/${attempt}/${path}`;
}

/** A read-only drive over the files that jobs leave: `labstudio:JOB/ATTEMPT/PATH`. */
export class JobsDrive implements Contents.IDrive {
  constructor(
    private _api: Api,
    private _trans: TranslationBundle
  ) {
    this.serverSettings = _api.settings;
  }

  readonly name = DRIVE;
  readonly serverSettings: ServerConnection.ISettings;

  get fileChanged(): ISignal<this, Contents.IChangedArgs> {
    return this._fileChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  async get(localPath: string, options: Contents.IFetchOptions = {}): Promise<Contents.IModel> {
    const { id, attempt, path } = parse(localPath);
    const name = path.split('/').pop() ?? path;
    const base = { name, path: localPath, writable: false };
    if (!path) {
      return { ...base, ...EPOCH, type: 'directory', format: 'json', mimetype: '', content: [] };
    }
    const items = (await this._api.files(id, attempt)).items;
    const file = items.find(item => item.path === path);
    const modified = file?.modified_at ?? EPOCH.last_modified;
    const type = options.type ?? (name.endsWith('.ipynb') ? 'notebook' : 'file');
    const mimetype = file?.media_type ?? 'application/octet-stream';
    const format =
      options.format ?? (type === 'notebook' ? 'json' : isText(mimetype) ? 'text' : 'base64');
    const content =
      options.content === false ? null : await this._content(id, path, attempt, format);
    return {
      ...base,
      created: modified,
      last_modified: modified,
      size: file?.size_bytes,
      type,
      mimetype,
      format,
      content
    };
  }

  async getDownloadUrl(localPath: string): Promise<string> {
    const { id, attempt, path } = parse(localPath);
    return this._api.fileUrl(id, path, { attempt, download: true });
  }

  async listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return [];
  }

  private async _content(
    id: string,
    path: string,
    attempt: number,
    format: Contents.FileFormat
  ): Promise<unknown> {
    const blob = await this._api.file(id, path, attempt);
    if (format === 'base64') {
      const url = await new Promise<string>((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(String(reader.result));
        reader.onerror = () => reject(reader.error);
        reader.readAsDataURL(blob);
      });
      return url.slice(url.indexOf(',') + 1);
    }
    const text = await blob.text();
    return format === 'json' ? JSON.parse(text) : text;
  }

  private _refuse = async (): Promise<never> => {
    throw new Error(this._trans.__('What a job left cannot be changed. Save a copy elsewhere.'));
  };

  readonly newUntitled = this._refuse;
  readonly delete = this._refuse;
  readonly rename = this._refuse;
  readonly save = this._refuse;
  readonly copy = this._refuse;
  readonly createCheckpoint = this._refuse;
  readonly restoreCheckpoint = this._refuse;
  readonly deleteCheckpoint = this._refuse;

  private _isDisposed = false;
  private _fileChanged = new Signal<this, Contents.IChangedArgs>(this);
}

const EPOCH = { created: '1970-01-01T00:00:00Z', last_modified: '1970-01-01T00:00:00Z' };

function parse(localPath: string): { id: string; attempt: number; path: string } {
  const [id = '', attempt = '', ...rest] = localPath.replace(/^\/+/, '').split('/');
  return { id, attempt: Number(attempt), path: rest.join('/') };
}

function isText(mimetype: string): boolean {
  return /^text\/|json|xml|javascript|yaml|toml/.test(mimetype);
}
