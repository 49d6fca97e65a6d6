import * as React from 'react';

import { kindIcons, lineageIcon } from './nouns';

/** A kind as a shape with its mark: no two kinds have the same, in whatever colour. */
export function KindMark(props: { kind: string }): JSX.Element {
  const Icon = kindIcons[props.kind] ?? lineageIcon;
  return (
    <span className="lst-KindMark" data-kind={props.kind} aria-hidden="true">
      <Icon.react tag="span" />
    </span>
  );
}
