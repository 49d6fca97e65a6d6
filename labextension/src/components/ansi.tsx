import * as React from 'react';

import type { IStyle } from '../ansi';
import { carry, look, pieces, PLAIN } from '../ansi';

/** One line in the colours that its escapes ask for; `render` may mark parts of its text. */
export function AnsiLine(props: {
  text: string;
  start?: IStyle;
  render?: (text: string) => React.ReactNode;
}): JSX.Element {
  return (
    <>
      {pieces(props.text, props.start ?? PLAIN).map((piece, at) => {
        const { className, color, background } = look(piece.style);
        return (
          <span key={at} className={className || undefined} style={{ color, background }}>
            {props.render ? props.render(piece.text) : piece.text}
          </span>
        );
      })}
    </>
  );
}

/** A traceback as the kernel coloured it. */
export function Traceback(props: { text: string }): JSX.Element {
  let style = PLAIN;
  return (
    <pre className="lst-Traceback" tabIndex={0}>
      {props.text.split('\n').map((line, at) => {
        const start = style;
        style = carry(line, start);
        return (
          <React.Fragment key={at}>
            <AnsiLine text={line} start={start} />
            {'\n'}
          </React.Fragment>
        );
      })}
    </pre>
  );
}
