/** How the studio names what stands in the lineage: `run:ID`, `model:NAME/VERSION`. Pure. */

/** The kind and the rest of a name. */
export function nameParts(id: string): [string, string] {
  const at = id.indexOf(':');
  return at < 0 ? ['', id] : [id.slice(0, at), id.slice(at + 1)];
}

/** A model's name and version; the name may have slashes in it. */
export function modelParts(rest: string): { model: string; version?: string } {
  const at = rest.lastIndexOf('/');
  return at < 0 ? { model: rest } : { model: rest.slice(0, at), version: rest.slice(at + 1) };
}

/** A report's run and its path among the run's artifacts. */
export function reportParts(rest: string): { run: string; path: string } {
  const at = rest.indexOf('/');
  return at < 0 ? { run: rest, path: '' } : { run: rest.slice(0, at), path: rest.slice(at + 1) };
}

/** A node's name, short enough for a tab. */
export function shortName(id: string): string {
  const [kind, rest] = nameParts(id);
  switch (kind) {
    case 'model':
    case 'endpoint':
      return rest;
    case 'file':
      return rest.slice(rest.lastIndexOf('/') + 1);
    default:
      return rest.slice(0, 8);
  }
}
