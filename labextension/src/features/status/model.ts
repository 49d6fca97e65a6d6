import type { Api } from '../../api/client';
import type { IChange, StudioEvents } from '../../api/events';
import { Follower } from '../../api/follower';
import type { Status } from '../../api/types';

const SOON_MS = 2_000;

/** What the studio says of itself. */
export class StatusModel extends Follower {
  constructor(api: Api, events: StudioEvents) {
    super(api, events);
    void this.refresh();
  }

  /** Null until the first answer. */
  get status(): Status | null {
    return this._status;
  }

  /** One sentence when something needs attention. */
  get message(): string | null {
    if (this.error) {
      return this.error.message;
    }
    if (!this._status) {
      return null;
    }
    const { daemon, message } = this._status;
    return daemon.state === 'running' ? message : daemon.message;
  }

  async refresh(): Promise<void> {
    await this.read(async () => {
      this._status = await this.api.status();
    });
    // A daemon that is coming up says so within seconds: look again soon, once.
    const coming = this._status && this._status.daemon.state !== 'running';
    if (coming && !this._timer && !this.isDisposed) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        void this.refresh();
      }, SOON_MS);
    }
  }

  override dispose(): void {
    window.clearTimeout(this._timer);
    super.dispose();
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    if (change.topic === 'daemon') {
      void this.refresh();
    }
  }

  private _status: Status | null = null;
  private _timer = 0;
}
