/** Where rows stand: group heads among runs, and lists taller than a browser can scroll. Pure. */

export interface ISection {
  /** A row of its own stands above the runs. */
  head: boolean;
  /** Runs that are shown; none while the group is closed. */
  rows: number;
}

/** The rows of sections one below the other. */
export class Layout {
  constructor(private _sections: readonly ISection[]) {
    let top = 0;
    this._tops = _sections.map(section => {
      const at = top;
      top += section.rows + Number(section.head);
      return at;
    });
    this.count = top;
  }

  /** Rows of all sections, heads among them. */
  readonly count: number;

  /** The section of a row and its place there; -1 for the head. */
  at(index: number): { section: number; row: number } | null {
    if (index < 0 || index >= this.count) {
      return null;
    }
    let low = 0;
    let high = this._tops.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this._tops[middle] <= index) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return { section: low, row: index - this._tops[low] - Number(this._sections[low].head) };
  }

  /** The row where a run of a section stands. */
  indexOf(section: number, row: number): number {
    return this._tops[section] + Number(this._sections[section].head) + row;
  }

  /** The runs of a section within a stretch of rows. */
  within(section: number, first: number, last: number): [number, number] {
    const top = this.indexOf(section, 0);
    const { rows } = this._sections[section];
    return [Math.max(0, first - top), Math.max(0, Math.min(rows, last - top))];
  }

  private _tops: readonly number[];
}

/** Firefox stops at 17.8 million pixels, Chromium at 33.5. */
const TALLEST_PX = 15_000_000;

/** Rows of one height in a box that scrolls; past the tallest box each pixel stands for more. */
export class Reel {
  constructor(
    readonly count: number,
    readonly rowHeight: number,
    readonly viewHeight: number,
    tallest = TALLEST_PX
  ) {
    const total = count * rowHeight;
    this.height = Math.min(total, tallest);
    this._ratio =
      this.height < total ? (total - viewHeight) / Math.max(1, this.height - viewHeight) : 1;
  }

  /** The height of what scrolls. */
  readonly height: number;

  /** The rows in view and `spare` to either side: the first, and the one after the last. */
  range(scrollTop: number, spare: number): [number, number] {
    const top = scrollTop * this._ratio;
    const first = Math.floor(top / this.rowHeight) - spare;
    const last = Math.ceil((top + this.viewHeight) / this.rowHeight) + spare;
    return [Math.max(0, Math.min(this.count, first)), Math.max(0, Math.min(this.count, last))];
  }

  /** Where a row is drawn, while the box is scrolled to `scrollTop`. */
  offset(index: number, scrollTop: number): number {
    const top = index * this.rowHeight;
    return this._ratio === 1 ? top : top - scrollTop * this._ratio + scrollTop;
  }

  /** Where to scroll so that a row is seen whole; where it is when it is seen already. */
  reveal(index: number, scrollTop: number): number {
    const seen = scrollTop * this._ratio;
    const top = index * this.rowHeight;
    const bottom = top + this.rowHeight - this.viewHeight;
    const wanted = top < seen ? top : bottom > seen ? bottom : seen;
    return wanted === seen ? scrollTop : wanted / this._ratio;
  }

  private _ratio: number;
}
