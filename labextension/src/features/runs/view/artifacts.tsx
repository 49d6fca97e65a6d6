import * as React from 'react';

import { ApiError } from '../../../api/client';
import { Banner, Empty } from '../../../components/basics';
import { useTrans } from '../../../components/context';
import { bytes } from '../../../format';
import type { RunModel } from '../model';
import type { Artifact, ArtifactFolder } from '../types';
import { ModelFactsView, Preview } from './preview';
import type { INode } from './tree';
import { ancestors, visible } from './tree';

/** What a run left: a tree, and a look at what is chosen in it. */
export function ArtifactsTab(props: {
  model: RunModel;
  /** The folder that is the top of the tree; empty for all. */
  top: string;
  /** What is chosen at first. */
  path: string;
}): JSX.Element {
  const { model, top } = props;
  const trans = useTrans();
  const [folders, setFolders] = React.useState<ReadonlyMap<string, ArtifactFolder>>(new Map());
  const [open, setOpen] = React.useState<ReadonlySet<string>>(
    () => new Set(props.path ? ancestors(props.path) : [])
  );
  const [chosen, setChosen] = React.useState(props.path);
  const [problem, setProblem] = React.useState<string | null>(null);
  const load = React.useCallback(
    async (path: string) => {
      try {
        const folder = await model.runs.artifacts(model.id, path);
        setFolders(old => new Map(old).set(path, folder));
        setProblem(null);
      } catch (reason) {
        setProblem(ApiError.from(reason).message);
      }
    },
    [model]
  );
  // What is open is read again while the run goes on.
  const stamp = model.run?.ended_at ?? model.run?.metric_keys.length;
  React.useEffect(() => {
    for (const path of [top, ...(props.path ? ancestors(props.path) : [])]) {
      void load(path);
    }
  }, [load, top, props.path, stamp]);

  const nodes = visible(folders, open, top);
  const current = nodes.find(node => node.item.path === chosen)?.item ?? null;
  React.useEffect(() => {
    // Something to look at from the beginning: what an image or a table shows says most.
    if (!chosen && nodes.length && !nodes.some(node => node.item.path === chosen)) {
      const first = nodes.find(({ item }) => ['image', 'html', 'table'].includes(item.preview));
      if (first) {
        setChosen(first.item.path);
      }
    }
  }, [nodes, chosen]);
  React.useEffect(() => {
    if (current?.folder && !folders.has(current.path)) {
      void load(current.path);
    }
  }, [current, folders, load]);

  const toggle = (path: string, wanted = !open.has(path)) => {
    const next = new Set(open);
    if (wanted) {
      next.add(path);
      void load(path);
    } else {
      next.delete(path);
    }
    setOpen(next);
  };
  if (problem && folders.size === 0) {
    return <Banner kind="error">{problem}</Banner>;
  }
  if (folders.get(top) && nodes.length === 0) {
    return (
      <Empty>
        {trans.__('What the code logs with mlflow.log_artifact() or log_model() is found here.')}
      </Empty>
    );
  }
  const facts = current?.folder ? folders.get(current.path)?.model : null;
  return (
    <div className="lst-Artifacts">
      <Tree nodes={nodes} chosen={chosen} onChoose={setChosen} onToggle={toggle} />
      <div className="lst-Artifacts-preview">
        {problem && <Banner kind="error">{problem}</Banner>}
        {current && !current.folder && <Preview key={current.path} model={model} item={current} />}
        {facts && <ModelFactsView facts={facts} />}
        {!facts && (!current || current.folder) && (
          <Empty>{trans.__('Choose a file to look at it.')}</Empty>
        )}
      </div>
    </div>
  );
}

/** A tree after the ARIA pattern: arrows move, open and close. */
function Tree(props: {
  nodes: readonly INode[];
  chosen: string;
  onChoose: (path: string) => void;
  onToggle: (path: string, wanted?: boolean) => void;
}): JSX.Element {
  const { nodes, chosen, onChoose, onToggle } = props;
  const trans = useTrans();
  const list = React.useRef<HTMLUListElement>(null);
  const at = Math.max(
    0,
    nodes.findIndex(node => node.item.path === chosen)
  );
  const go = (index: number) => {
    const node = nodes[Math.max(0, Math.min(nodes.length - 1, index))];
    onChoose(node.item.path);
    const element = list.current?.children[nodes.indexOf(node)] as HTMLElement | undefined;
    element?.focus();
  };
  const press = (event: React.KeyboardEvent) => {
    const node = nodes[at];
    const keys: Record<string, () => void> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      Home: () => go(0),
      End: () => go(nodes.length - 1),
      ArrowRight: () =>
        node.item.folder && !node.open ? onToggle(node.item.path, true) : go(at + 1),
      ArrowLeft: () =>
        node.item.folder && node.open ? onToggle(node.item.path, false) : go(above(nodes, at)),
      Enter: () => node.item.folder && onToggle(node.item.path)
    };
    if (keys[event.key] && node) {
      event.preventDefault();
      event.stopPropagation();
      keys[event.key]();
    }
  };
  return (
    <ul
      className="lst-Tree"
      role="tree"
      aria-label={trans.__('Artifacts')}
      ref={list}
      onKeyDown={press}
    >
      {nodes.map((node, index) => (
        <li
          key={node.item.path}
          role="treeitem"
          aria-level={node.depth + 1}
          aria-expanded={node.item.folder ? node.open : undefined}
          aria-selected={node.item.path === chosen}
          tabIndex={index === at ? 0 : -1}
          style={{ paddingInlineStart: 8 + node.depth * 14 }}
          data-preview={node.item.preview}
          onClick={() => {
            onChoose(node.item.path);
            if (node.item.folder) {
              onToggle(node.item.path);
            }
          }}
        >
          <span className="lst-Tree-mark" aria-hidden="true">
            {node.item.folder ? (node.open ? '▾' : '▸') : ''}
          </span>
          <span className="lst-Tree-name" title={node.item.name}>
            {node.item.name}
          </span>
          <span className="lst-Tree-size">{size(node.item)}</span>
        </li>
      ))}
    </ul>
  );
}

/** The folder that a row lies in. */
function above(nodes: readonly INode[], at: number): number {
  let index = at;
  while (index > 0 && nodes[index].depth >= nodes[at].depth) {
    index -= 1;
  }
  return index;
}

function size(item: Artifact): string {
  return item.folder ? '' : bytes(item.size_bytes);
}
