import type { RunsApi } from './api';
import type { IKnownColumns } from './columns';
import { Pace } from './pace';

const EVERY_MS = 20_000;
export const NO_KEYS: IKnownColumns = { attributes: [], params: [], metrics: [], tags: [] };

/** The keys that the runs of some experiments have; asked for anew now and then. */
export class KnownKeys {
  constructor(
    private _runs: RunsApi,
    private _learned: () => void
  ) {
    this._pace = this._start();
  }

  known: IKnownColumns = NO_KEYS;
  /** The server has answered. */
  isKnown = false;

  /** Look again; at once when other experiments are meant. */
  ask(experiments: readonly string[], anew = false): void {
    this._experiments = experiments;
    if (anew) {
      this._pace.dispose();
      this._pace = this._start();
    }
    this._pace.ask();
  }

  dispose(): void {
    this._pace.dispose();
  }

  private _start(): Pace {
    return new Pace(() => this._learn(), EVERY_MS);
  }

  private async _learn(): Promise<void> {
    const asked = this._experiments;
    try {
      const known = await this._runs.columns(asked);
      if (asked === this._experiments) {
        this.known = known;
        this.isKnown = true;
        this._learned();
      }
    } catch {
      // The table itself says why the server does not answer.
    }
  }

  private _experiments: readonly string[] = [];
  private _pace: Pace;
}
