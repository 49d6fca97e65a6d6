/** Python that draws in a notebook what is seen here, from the studio's data and not from a copy. */
import type { ISettings } from './chart/settings';

type Value = string | number | boolean | readonly string[];

/** A value as Python writes it. */
export function python(value: Value): string {
  if (typeof value === 'boolean') {
    return value ? 'True' : 'False';
  }
  if (typeof value === 'number') {
    return String(value);
  }
  return typeof value === 'string' ? JSON.stringify(value) : `[${value.map(python).join(', ')}]`;
}

/** A call of one of `labstudio.charts`; what is not given keeps its default. */
export function chartCode(
  name: string,
  runs: readonly string[],
  options: Readonly<Record<string, Value | undefined>>
): string {
  const given = Object.entries(options)
    .filter((entry): entry is [string, Value] => entry[1] !== undefined && entry[1] !== false)
    .map(([key, value]) => `    ${key}=${python(value)},\n`);
  const ids = runs.map(id => `        ${python(id)},\n`).join('');
  return `import labstudio.charts\n\nlabstudio.charts.${name}(\n    [\n${ids}    ],\n${given.join('')})`;
}

/** Curves with the settings that they have here. */
export function curvesCode(runs: readonly string[], metric: string, settings: ISettings): string {
  return chartCode('curves', runs, {
    metric,
    x: settings.axis === 'epoch' ? 'metrics.epoch' : settings.axis === 'time' ? 'time' : undefined,
    smoothing: settings.smoothing || undefined,
    log_x: settings.xLog,
    log_y: settings.yLog,
    best: settings.best,
    bands: settings.bands
  });
}
