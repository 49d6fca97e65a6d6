import type { IStyle } from '../../ansi';
import { carry, PLAIN, strip } from '../../ansi';

/**
 * A log as lines, fed in pieces as they come.
 *
 * Lines keep their raw text; a carriage return shows what was written last on the line, as a
 * terminal does. The style that a line begins in is kept beside it, so that any line can be drawn
 * without the ones before it.
 */
export class LogLines {
  readonly lines: string[] = [];
  private _styles: IStyle[] = [];
  private _open = false;
  private _next: IStyle = PLAIN;

  get length(): number {
    return this.lines.length;
  }

  /** Take the next piece of text. */
  feed(text: string): void {
    let start = 0;
    while (start < text.length) {
      const end = text.indexOf('\n', start);
      const piece = end < 0 ? text.slice(start) : text.slice(start, end);
      if (this._open) {
        this.lines[this.lines.length - 1] += piece;
      } else {
        this.lines.push(piece);
        this._styles.push(this._next);
        this._open = true;
      }
      if (end < 0) {
        return;
      }
      const last = this.lines.length - 1;
      this._next = carry(this.lines[last], this._styles[last]);
      this._open = false;
      start = end + 1;
    }
  }

  clear(): void {
    this.lines.length = 0;
    this._styles.length = 0;
    this._open = false;
    this._next = PLAIN;
  }

  /** A line as a terminal would show it, with its escapes. */
  shown(index: number): string {
    const raw = this.lines[index];
    if (!raw.includes('\r')) {
      return raw;
    }
    const written = raw.replace(/\r+$/, '');
    return written.slice(written.lastIndexOf('\r') + 1);
  }

  /** The style that a line begins in. */
  style(index: number): IStyle {
    return this._styles[index];
  }

  /** All of the text, without escapes. */
  text(): string {
    return this.lines.map((_, index) => strip(this.shown(index))).join('\n');
  }

  /** Numbers of the lines that hold a text, whatever its case. */
  search(needle: string, limit = 10_000): number[] {
    const found: number[] = [];
    const wanted = needle.toLowerCase();
    for (let index = 0; wanted && index < this.lines.length && found.length < limit; index++) {
      if (strip(this.shown(index)).toLowerCase().includes(wanted)) {
        found.push(index);
      }
    }
    return found;
  }
}
