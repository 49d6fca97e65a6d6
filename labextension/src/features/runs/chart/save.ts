import { number } from '../../../format';
import { ticks } from '../../../components/scale';
import type { IDrawn, IFrame } from './layer';

/** Let the browser keep a text or an image as a file. */
export function save(content: Blob | string, name: string): void {
  const blob = typeof content === 'string' ? new Blob([content]) : content;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.-]+/g, '-');
  link.click();
  // The browser reads it after the click.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A canvas on the colour that lies behind it. */
export async function png(canvas: HTMLCanvasElement, background: string): Promise<Blob> {
  const copy = document.createElement('canvas');
  copy.width = canvas.width;
  copy.height = canvas.height;
  const context = copy.getContext('2d')!;
  context.fillStyle = background;
  context.fillRect(0, 0, copy.width, copy.height);
  context.drawImage(canvas, 0, 0);
  return new Promise((resolve, reject) =>
    copy.toBlob(blob => (blob ? resolve(blob) : reject(new Error('No image was made.'))))
  );
}

/** A value of a CSV file. */
export function field(value: unknown): string {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function csv(rows: readonly (readonly unknown[])[]): string {
  return rows.map(row => row.map(field).join(',') + '\n').join('');
}

/** Every point of curves, one to a row. */
export function curvesCsv(curves: readonly IDrawn[], axis: string, metric: string): string {
  const smoothed = curves.some(curve => curve.raw);
  const bands = curves.some(curve => curve.low);
  const rows: unknown[][] = [
    [
      'run',
      'name',
      axis,
      metric,
      ...(smoothed ? ['smoothed'] : []),
      ...(bands ? ['low', 'high'] : [])
    ]
  ];
  for (const curve of curves) {
    curve.x.forEach((x, at) => {
      const row: unknown[] = [curve.id, curve.label, x, (curve.raw ?? curve.y)[at]];
      if (smoothed) {
        row.push(curve.y[at]);
      }
      if (bands) {
        row.push(curve.low?.[at], curve.high?.[at]);
      }
      rows.push(row);
    });
  }
  return csv(rows);
}

const escape = (text: string) => text.replace(/[<>&"]/g, each => `&#${each.charCodeAt(0)};`);

/** Curves as an SVG image: lines on a white ground, as papers want them. */
export function curvesSvg(
  curves: readonly IDrawn[],
  frame: Pick<IFrame, 'x' | 'y' | 'xLog' | 'yLog'>,
  titles: { x: string; y: string; sayX: (x: number) => string }
): string {
  const [width, height, left, bottom, top] = [900, 420, 64, 44, 12];
  const legend = 16 * Math.ceil(curves.length / 3);
  const lay = (range: readonly [number, number], log: boolean, from: number, to: number) => {
    const f = (v: number) => (log ? Math.log10(v) : v);
    const [low, high] = range.map(f);
    return (v: number) => from + ((f(v) - low) / (high - low || 1)) * (to - from);
  };
  const px = lay(frame.x, frame.xLog, left, width - 12);
  const py = lay(frame.y, frame.yLog, height - bottom, top);
  const at = (value: number) => value.toFixed(2);
  const within = (value: number, [low, high]: readonly [number, number]) =>
    value >= low && value <= high;
  const marks = (range: readonly [number, number], log: boolean) =>
    (log
      ? ticks(Math.log10(range[0]), Math.log10(range[1]), 5)
          .filter(Number.isInteger)
          .map(power => 10 ** power)
      : ticks(range[0], range[1], 6)
    ).filter(value => within(value, range));
  const path = (x: readonly number[], y: readonly number[]) => {
    let open = false;
    return x
      .map((each, index) => {
        const bad =
          !Number.isFinite(y[index]) || (frame.yLog && y[index] <= 0) || !within(each, frame.x);
        const step = bad ? '' : `${open ? 'L' : 'M'}${at(px(each))} ${at(py(y[index]))}`;
        open = !bad;
        return step;
      })
      .join('');
  };
  const lines = curves.map(curve => {
    const dash = curve.dash.length ? ` stroke-dasharray="${curve.dash.join(' ')}"` : '';
    const raw = curve.raw
      ? `<path d="${path(curve.x, curve.raw)}" stroke-width="1" opacity="0.25"/>`
      : '';
    const area =
      curve.low && curve.high
        ? `<path d="${path(curve.x, curve.high)}${path([...curve.x].reverse(), [...curve.low].reverse()).replace('M', 'L')}Z" fill="${curve.colour}" stroke="none" opacity="0.18"/>`
        : '';
    return `<g stroke="${curve.colour}" fill="none">${area}${raw}<path d="${path(curve.x, curve.y)}" stroke-width="1.5"${dash}/></g>`;
  });
  const names = curves.map((curve, index) => {
    const x = left + (index % 3) * 280;
    const y = height + 4 + 16 * Math.floor(index / 3);
    return `<path d="M${x} ${y}h18" stroke="${curve.colour}" stroke-width="2"/><text x="${x + 24}" y="${y + 4}">${escape(curve.label.slice(0, 40))}</text>`;
  });
  const axes = [
    ...marks(frame.x, frame.xLog).map(
      value =>
        `<path d="M${at(px(value))} ${top}V${height - bottom}" stroke="#ddd"/><text x="${at(px(value))}" y="${height - bottom + 16}" text-anchor="middle">${escape(titles.sayX(value))}</text>`
    ),
    ...marks(frame.y, frame.yLog).map(
      value =>
        `<path d="M${left} ${at(py(value))}H${width - 12}" stroke="#ddd"/><text x="${left - 6}" y="${at(py(value) + 4)}" text-anchor="end">${number(value)}</text>`
    )
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + legend + 8}" font-family="sans-serif" font-size="11" fill="#333"><rect width="100%" height="100%" fill="#fff"/>${axes.join('')}<clipPath id="c"><rect x="${left}" y="${top}" width="${width - 12 - left}" height="${height - bottom - top}"/></clipPath><g clip-path="url(#c)">${lines.join('')}</g><text x="${(left + width) / 2}" y="${height - 10}" text-anchor="middle">${escape(titles.x)}</text><text transform="translate(12 ${height / 2}) rotate(-90)" text-anchor="middle">${escape(titles.y)}</text>${names.join('')}</svg>\n`;
}
