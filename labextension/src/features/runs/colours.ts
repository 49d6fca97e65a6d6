/** Colours of runs, told apart by most who see colours differently, in light and in dark. Pure. */

/** Okabe and Ito's palette, without its black; yellow darkened to be seen on white. */
const LIGHT = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#7f6b00',
  '#7a5195'
];
const DARK = [
  '#4aa8e0',
  '#f0803c',
  '#2fc89b',
  '#e29ac4',
  '#f0b93a',
  '#8fd0f5',
  '#e8e6d8',
  '#b08ad0'
];

/** When all colours are used up, lines are broken. */
const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 2], [9, 3, 2, 3]];

export const COUNT = LIGHT.length;

/** How a run is drawn: which colour, and how its line is broken. */
export interface IStyle {
  colour: number;
  dash: readonly number[];
}

/** The colour of a style in the theme that is on. */
export function colour(index: number, dark: boolean): string {
  return (dark ? DARK : LIGHT)[index % COUNT];
}

/**
 * Give each run a style of its own. The id alone says where its search begins, and the oldest id is
 * served first: so the same runs look the same whatever the order in which they were chosen.
 */
export function styles(ids: readonly string[]): Map<string, IStyle> {
  const taken = new Set<number>();
  const places = COUNT * DASHES.length;
  const found = new Map<string, IStyle>();
  for (const id of [...ids].sort()) {
    let place = hash(id) % COUNT;
    // Colours first, then broken lines; beyond that many runs styles are used twice.
    for (let tried = 0; taken.has(place) && tried < places; tried++) {
      const round = Math.floor(tried / COUNT);
      place = round * COUNT + ((hash(id) + tried) % COUNT);
    }
    taken.add(place);
    found.set(id, {
      colour: place % COUNT,
      dash: DASHES[Math.floor(place / COUNT) % DASHES.length]
    });
  }
  return found;
}

function hash(text: string): number {
  let sum = 2166136261;
  for (let at = 0; at < text.length; at++) {
    sum = Math.imul(sum ^ text.charCodeAt(at), 16777619) >>> 0;
  }
  return sum;
}
