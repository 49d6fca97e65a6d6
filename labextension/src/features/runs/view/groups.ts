/** Metrics under what their names begin with. Pure. */

const KNOWN = /^(train|training|val|valid|validation|test|eval|evaluation)_/;

/** What a metric's name begins with; empty when it begins with nothing others could share. */
export function prefix(key: string): string {
  const slash = key.indexOf('/');
  return slash > 0 ? key.slice(0, slash) : (KNOWN.exec(key)?.[1] ?? '');
}

/** Groups in the order of their names; what has no prefix comes first. */
export function byPrefix<T extends { key: string }>(
  items: readonly T[]
): { name: string; items: T[] }[] {
  const groups = new Map<string, T[]>();
  for (const item of [...items].sort((a, b) => a.key.localeCompare(b.key))) {
    const name = prefix(item.key);
    groups.set(name, [...(groups.get(name) ?? []), item]);
  }
  return [...groups.entries()]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, all]) => ({ name, items: all }));
}

/** Whether a metric makes a curve; where nobody counted its values it may. */
export function isCurve(metric: { count: number | null }): boolean {
  return metric.count === null || metric.count > 1;
}
