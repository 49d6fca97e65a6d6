/** The graph as a file: SVG drawn from where the nodes stand, and a PNG of it. */
import type { Graph } from './api';
import type { IPlace } from './graph';

const PAD = 16;

export interface IPaint {
  width: number;
  height: number;
  paper: string;
  line: string;
  ink: string;
  quiet: string;
  stale: string;
}

/** Draw the graph. Pure: `words` says a node's second line. */
export function drawSvg(
  graph: Graph,
  places: ReadonlyMap<string, IPlace>,
  paint: IPaint,
  stale: (id: string) => boolean,
  words: (id: string) => string
): string {
  const { width, height } = paint;
  const all = [...places.values()];
  const right = Math.max(0, ...all.map(at => at.x)) + width + PAD;
  const bottom = Math.max(0, ...all.map(at => at.y)) + height + PAD;
  const edges = graph.edges.map(edge => {
    const [from, to] = [places.get(edge.source), places.get(edge.target)];
    if (!from || !to) {
      return '';
    }
    const [x1, y1, x2, y2] = [from.x + width, from.y + height / 2, to.x - 5, to.y + height / 2];
    const bend = Math.max(24, (x2 - x1) / 2);
    return `<path d="M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}" fill="none" stroke="${paint.line}" marker-end="url(#end)"/>`;
  });
  const nodes = graph.nodes.map(node => {
    const { x, y } = places.get(node.id) ?? { x: 0, y: 0 };
    const border = stale(node.id)
      ? `stroke="${paint.stale}" stroke-dasharray="4 3"`
      : `stroke="${paint.line}"`;
    return (
      `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" fill="${paint.paper}" ${border}/>` +
      `<text x="${x + 12}" y="${y + 22}" fill="${paint.ink}">${escape(shorten(node.label, 28))}</text>` +
      `<text x="${x + 12}" y="${y + 40}" fill="${paint.quiet}" font-size="11">${escape(words(node.id))}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${right}" height="${bottom}" viewBox="0 0 ${right} ${bottom}" font-family="sans-serif" font-size="13">` +
    `<defs><marker id="end" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${paint.line}"/></marker></defs>` +
    `<rect width="100%" height="100%" fill="${paint.paper}"/>${edges.join('')}${nodes.join('')}</svg>`
  );
}

/** A picture in the browser's own colours as a PNG of twice its size. */
export async function toPng(svg: string): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.width * 2;
  canvas.height = image.height * 2;
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob(blob => (blob ? resolve(blob) : reject(new Error('The picture is too big.'))))
  );
}

/** Let the browser save a file. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function shorten(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, letter => `&#${letter.charCodeAt(0)};`);
}
