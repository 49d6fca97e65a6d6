/** ANSI colours of one line as pieces of text with class names. Pure. */

/** What the escapes so far have switched on; never changed in place, so that lines can share it. */
export interface IStyle {
  readonly fg: string | null;
  readonly bg: string | null;
  readonly bold: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
}

export interface IPiece {
  text: string;
  style: IStyle;
}

export const PLAIN: IStyle = {
  fg: null,
  bg: null,
  bold: false,
  italic: false,
  underline: false,
  inverse: false
};

const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
// CSI sequences, OSC sequences (links, titles) and lone two-character escapes.
const ESCAPE = /\x1b(?:\[([0-9;:?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;

/** A line without its escapes. */
export function strip(line: string): string {
  return line.includes('\x1b') ? line.replace(ESCAPE, '') : line;
}

/** The pieces of a line that begins in a style. */
export function pieces(line: string, start: IStyle): IPiece[] {
  if (!line.includes('\x1b')) {
    return line ? [{ text: line, style: start }] : [];
  }
  const found: IPiece[] = [];
  let style = start;
  let last = 0;
  for (const match of line.matchAll(ESCAPE)) {
    if (match.index > last) {
      found.push({ text: line.slice(last, match.index), style });
    }
    last = match.index + match[0].length;
    if (match[2] === 'm') {
      style = apply(style, match[1] ?? '');
    }
  }
  if (last < line.length) {
    found.push({ text: line.slice(last), style });
  }
  return found;
}

/** The style in which the line after this one begins. */
export function carry(line: string, start: IStyle): IStyle {
  if (!line.includes('\x1b[')) {
    return start;
  }
  let style = start;
  for (const match of line.matchAll(ESCAPE)) {
    if (match[2] === 'm') {
      style = apply(style, match[1] ?? '');
    }
  }
  return style;
}

/** Class names and inline colours of a style, for a renderer. */
export function look(style: IStyle): { className: string; color?: string; background?: string } {
  const [fg, bg] = style.inverse ? [style.bg ?? 'base', style.fg ?? 'text'] : [style.fg, style.bg];
  const names: string[] = [];
  const result: { className: string; color?: string; background?: string } = { className: '' };
  if (fg) {
    if (fg.startsWith('#')) {
      result.color = fg;
    } else {
      names.push(`lst-fg-${fg}`);
    }
  }
  if (bg) {
    if (bg.startsWith('#')) {
      result.background = bg;
    } else {
      names.push(`lst-bg-${bg}`);
    }
  }
  for (const name of ['bold', 'italic', 'underline'] as const) {
    if (style[name]) {
      names.push(`lst-${name}`);
    }
  }
  result.className = names.join(' ');
  return result;
}

function apply(style: IStyle, parameters: string): IStyle {
  const codes = parameters.split(/[;:]/).map(code => (code === '' ? 0 : Number(code)));
  const next = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (code === 0) {
      Object.assign(next, PLAIN);
    } else if (code === 1) {
      next.bold = true;
    } else if (code === 3) {
      next.italic = true;
    } else if (code === 4) {
      next.underline = true;
    } else if (code === 7) {
      next.inverse = true;
    } else if (code === 22) {
      next.bold = false;
    } else if (code === 23) {
      next.italic = false;
    } else if (code === 24) {
      next.underline = false;
    } else if (code === 27) {
      next.inverse = false;
    } else if (code >= 30 && code <= 37) {
      next.fg = NAMES[code - 30];
    } else if (code >= 90 && code <= 97) {
      next.fg = `bright-${NAMES[code - 90]}`;
    } else if (code === 39) {
      next.fg = null;
    } else if (code >= 40 && code <= 47) {
      next.bg = NAMES[code - 40];
    } else if (code >= 100 && code <= 107) {
      next.bg = `bright-${NAMES[code - 100]}`;
    } else if (code === 49) {
      next.bg = null;
    } else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes, i + 1);
      next[code === 38 ? 'fg' : 'bg'] = colour;
      i += used;
    }
  }
  return sameStyle(next, PLAIN) ? PLAIN : next;
}

function extended(codes: number[], at: number): [string | null, number] {
  if (codes[at] === 5) {
    return [indexed(codes[at + 1] ?? 0), 2];
  }
  if (codes[at] === 2) {
    return [hex(codes[at + 1] ?? 0, codes[at + 2] ?? 0, codes[at + 3] ?? 0), 4];
  }
  return [null, 0];
}

function indexed(n: number): string {
  if (n < 16) {
    return n < 8 ? NAMES[n] : `bright-${NAMES[n - 8]}`;
  }
  if (n >= 232) {
    const grey = 8 + (n - 232) * 10;
    return hex(grey, grey, grey);
  }
  const level = (v: number) => (v === 0 ? 0 : 55 + v * 40);
  const cube = n - 16;
  return hex(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function hex(r: number, g: number, b: number): string {
  return `#${[r, g, b]
    .map(v =>
      Math.max(0, Math.min(255, v | 0))
        .toString(16)
        .padStart(2, '0')
    )
    .join('')}`;
}

function sameStyle(a: IStyle, b: IStyle): boolean {
  return (
    a.fg === b.fg &&
    a.bg === b.bg &&
    a.bold === b.bold &&
    a.italic === b.italic &&
    a.underline === b.underline &&
    a.inverse === b.inverse
  );
}
