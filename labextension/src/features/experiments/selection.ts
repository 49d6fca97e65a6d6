/** Which runs are selected: those named, or all that the filters let through but those named. Pure. */
export class Selection {
  private constructor(
    /** All that the filters let through, but `ids`. */
    readonly all: boolean,
    /** In the order in which they were selected. */
    readonly ids: ReadonlySet<string>
  ) {}

  static readonly none = new Selection(false, new Set());
  static readonly every = new Selection(true, new Set());

  static of(ids: Iterable<string>): Selection {
    return new Selection(false, new Set(ids));
  }

  has(id: string): boolean {
    return this.ids.has(id) !== this.all;
  }

  /** How many, of a table of `total`. */
  count(total: number): number {
    return this.all ? Math.max(0, total - this.ids.size) : this.ids.size;
  }

  toggle(id: string): Selection {
    const ids = new Set(this.ids);
    if (!ids.delete(id)) {
      ids.add(id);
    }
    return new Selection(this.all, ids);
  }

  /** Those and these. */
  with(ids: Iterable<string>): Selection {
    const now = new Set(this.ids);
    for (const id of ids) {
      if (this.all) {
        now.delete(id);
      } else {
        now.add(id);
      }
    }
    return new Selection(this.all, now);
  }
}
