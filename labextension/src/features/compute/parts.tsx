import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Compute } from '../../api/types';
import { useTrans } from '../../components/context';
import { bytes, number } from '../../format';

/** The state's name in the reader's language. */
export function computeState(compute: Compute, trans: TranslationBundle): string {
  const words: Record<Compute['state'], string> = {
    ready: trans.__('Ready'),
    draining: trans.__('Draining'),
    unreachable: trans.__('Out of reach'),
    invalid: trans.__('Entry is wrong')
  };
  return words[compute.state];
}

/** What runs and waits there, in a few words. */
export function computeWords(compute: Compute, trans: TranslationBundle): string[] {
  return [
    compute.running ? trans._n('%1 job', '%1 jobs', compute.running) : '',
    compute.kernels ? trans._n('%1 kernel', '%1 kernels', compute.kernels) : '',
    compute.queued ? trans.__('%1 waiting', compute.queued) : ''
  ].filter(Boolean);
}

/** An amount of money or hours; one that is small is not nothing. */
export function hundredths(amount: number): string {
  if (amount > 0 && amount < 0.005) {
    return '< 0.01';
  }
  return amount.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** A part of so many bytes; the unit is said once where it is the same. */
export function share(
  part: number | undefined,
  whole: number | undefined,
  trans: TranslationBundle
): string {
  const [amount, unit] = bytes(part ?? 0).split(' ');
  const all = bytes(whole ?? 0);
  const alike = !part || unit === all.split(' ')[1];
  return trans.__('%1 of %2', alike ? amount : bytes(part), all);
}

/** A part of a whole, as a bar with its words. */
export function Meter(props: {
  label: string;
  value: number;
  total: number;
  text: string;
}): JSX.Element | null {
  if (props.total <= 0) {
    return null;
  }
  const part = Math.max(0, Math.min(1, props.value / props.total));
  return (
    <div
      className="lst-Meter"
      role="meter"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={props.total}
      aria-valuenow={Math.min(props.value, props.total)}
      aria-valuetext={props.text}
      data-full={part > 0.9}
      title={`${props.label}: ${props.text}`}
    >
      <span className="lst-Meter-label">{props.label}</span>
      <span className="lst-Meter-bar">
        <span style={{ width: `${part * 100}%` }} />
      </span>
      <span className="lst-Meter-text">{props.text}</span>
    </div>
  );
}

/** What is given out of what a compute has. */
export function Slots(props: { compute: Compute }): JSX.Element {
  const { compute } = props;
  const trans = useTrans();
  return (
    <div className="lst-Meters">
      <Meter
        label={trans.__('CPU')}
        value={compute.cpus_held}
        total={compute.cpus}
        text={trans.__('%1 of %2', number(compute.cpus_held), number(compute.cpus))}
      />
      <Meter
        label={trans.__('Memory')}
        value={compute.memory_held_bytes}
        total={compute.memory_bytes}
        text={share(compute.memory_held_bytes, compute.memory_bytes, trans)}
      />
      <Meter
        label={trans.__('GPU')}
        value={compute.gpus_held}
        total={compute.gpus}
        text={trans.__('%1 of %2', compute.gpus_held, compute.gpus)}
      />
    </div>
  );
}
