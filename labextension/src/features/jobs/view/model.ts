import type { Api } from '../../../api/client';
import type { IChange, StudioEvents } from '../../../api/events';
import { Follower } from '../../../api/follower';
import type { Attempt, JobDetail } from '../../../api/types';
import { isActive } from '../../../api/types';
import type { KeptKernels } from '../kernels';

const SETTLE_MS = 150;

/** One job, as it stands now, and which of its attempts is looked at. */
export class JobModel extends Follower {
  constructor(
    api: Api,
    events: StudioEvents,
    private _kernels: KeptKernels,
    readonly id: string
  ) {
    super(api, events);
    _kernels.changed.connect(this._onKernel, this);
    void this.refresh();
  }

  get job(): JobDetail | null {
    return this._job;
  }

  get active(): boolean {
    return this._job !== null && isActive(this._job);
  }

  /** Whether it was deleted while it was looked at. */
  get deleted(): boolean {
    return this._deleted;
  }

  /** The attempt that is looked at; null for the newest, whichever that is. */
  get chosen(): number | null {
    return this._chosen;
  }

  set chosen(attempt: number | null) {
    this._chosen = attempt;
    this.emit();
  }

  /** The number of the attempt that is looked at; 0 before the first. */
  get number(): number {
    return this._chosen ?? this._job?.attempt ?? 0;
  }

  get attempt(): Attempt | null {
    return this._job?.attempts.find(each => each.number === this.number) ?? null;
  }

  /** When the kernel of the attempt that is looked at ends; null when none is kept. */
  get keptUntil(): Date | null {
    return this.number === this._job?.attempt ? this._kernels.until(this.id) : null;
  }

  async refresh(): Promise<void> {
    await this.read(async () => {
      this._job = await this.api.job(this.id);
      this._kernels.take(this._job);
    });
  }

  override dispose(): void {
    window.clearTimeout(this._timer);
    this._kernels.changed.disconnect(this._onKernel, this);
    super.dispose();
  }

  protected onChange(_: StudioEvents, change: IChange): void {
    if (change.topic !== 'jobs' || change.id !== this.id) {
      return;
    }
    if (change.kind === 'deleted') {
      this._deleted = true;
      this.emit();
    } else if (!this._timer) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        void this.refresh();
      }, SETTLE_MS);
    }
  }

  protected override onPulse(): void {
    if (this._job === null || this.active) {
      void this.refresh();
    }
  }

  private _onKernel(_: KeptKernels, id: string): void {
    if (id === this.id) {
      this.emit();
    }
  }

  private _job: JobDetail | null = null;
  private _deleted = false;
  private _chosen: number | null = null;
  private _timer = 0;
}
