/** Where the rows of a long list stand. Pure. */

export interface IRows {
  /** The top of a row, and the bottom of all for the row after the last. */
  top(index: number): number;
  /** The row at a height. */
  at(y: number): number;
}

/** Rows of one height. */
export function even(height: number): IRows {
  return { top: index => index * height, at: y => Math.floor(y / height) };
}

/** Rows of several lines each, as many as a text needs at a width; more may come at the end. */
export class WrappedRows implements IRows {
  constructor(
    private _lineHeight: number,
    /** How many characters a line holds. */
    private _columns: number
  ) {}

  /** Take the rows from `texts` that are new, and the last one known, which may have grown. */
  fit(count: number, text: (index: number) => string): this {
    const known = Math.min(this._lines.length - 1, count);
    this._lines.length = Math.max(1, known);
    for (let index = this._lines.length - 1; index < count; index++) {
      const lines = Math.max(1, Math.ceil(columns(text(index)) / this._columns));
      this._lines.push(this._lines[index] + lines);
    }
    return this;
  }

  top(index: number): number {
    return this._lines[Math.min(index, this._lines.length - 1)] * this._lineHeight;
  }

  at(y: number): number {
    const line = y / this._lineHeight;
    let low = 0;
    let high = this._lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this._lines[middle] <= line) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  /** How many lines stand above each row. */
  private _lines = [0];
}

// Letters that take two places of a terminal, as far as fonts agree about them.
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** How many places of a terminal a text takes. */
export function columns(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) {
    return text.length;
  }
  let sum = 0;
  for (const letter of text) {
    sum += letter === '\t' ? 8 - (sum % 8) : WIDE.test(letter) ? 2 : 1;
  }
  return sum;
}
