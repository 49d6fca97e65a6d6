/** Does something when asked, but only so often: what is asked meanwhile is done once, later. */
export class Pace {
  constructor(
    private _action: () => Promise<unknown>,
    private _everyMs: number
  ) {}

  ask(): void {
    this._asked = true;
    if (!this._timer && !this._busy && !this._stopped) {
      this._timer = window.setTimeout(
        () => void this._go(),
        Math.max(0, this._next - performance.now())
      );
    }
  }

  dispose(): void {
    this._stopped = true;
    window.clearTimeout(this._timer);
  }

  private async _go(): Promise<void> {
    const began = performance.now();
    this._timer = 0;
    this._asked = false;
    this._busy = true;
    try {
      await this._action();
    } finally {
      this._busy = false;
      // A server that is slow to answer is asked less often.
      const took = performance.now() - began;
      this._next = performance.now() + Math.max(this._everyMs, 2 * took);
    }
    if (this._asked) {
      this.ask();
    }
  }

  private _asked = false;
  private _busy = false;
  private _stopped = false;
  private _timer = 0;
  private _next = 0;
}
