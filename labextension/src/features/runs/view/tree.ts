/** A tree of folders as the rows that are seen of it. Pure. */
import type { Artifact, ArtifactFolder } from '../types';

export interface INode {
  item: Artifact;
  depth: number;
  open: boolean;
}

/** The folders above a path, the highest first. */
export function ancestors(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}

/** The rows that are seen of what is known. */
export function visible(
  folders: ReadonlyMap<string, ArtifactFolder>,
  open: ReadonlySet<string>,
  top: string,
  depth = 0
): INode[] {
  return (folders.get(top)?.items ?? []).flatMap(item => {
    const isOpen = item.folder && open.has(item.path);
    return [
      { item, depth, open: isOpen },
      ...(isOpen ? visible(folders, open, item.path, depth + 1) : [])
    ];
  });
}
