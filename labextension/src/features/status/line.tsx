import * as React from 'react';

import { Banner } from '../../components/basics';
import { useSignal } from '../../components/context';
import type { StatusModel } from './model';

/** One line, and only when something needs attention. */
export function StatusLine(props: { model: StatusModel }): JSX.Element | null {
  const { model } = props;
  useSignal(model.changed);
  const message = model.message;
  if (!message) {
    return null;
  }
  const starting = model.status?.daemon.state === 'starting';
  return <Banner kind={model.error ? 'error' : starting ? 'info' : 'warning'}>{message}</Banner>;
}
