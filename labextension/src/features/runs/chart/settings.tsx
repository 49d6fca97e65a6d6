import * as React from 'react';

import { useTrans } from '../../../components/context';
import { useMemory } from '../../../components/memory';
import { duration, number } from '../../../format';
import { Choose } from './choose';
import type { Direction, IBand, ICurve } from './curves';
import { bestSoFar, smooth } from './curves';
import type { Axis } from './data';

/** How curves are drawn. */
export interface ISettings {
  axis: Axis;
  /** 0 to 0.999: how much of the average stays at each step. */
  smoothing: number;
  xLog: boolean;
  yLog: boolean;
  best: boolean;
  bands: boolean;
}

const FIRST: ISettings = {
  axis: 'step',
  smoothing: 0,
  xLog: false,
  yLog: false,
  best: false,
  bands: false
};

/** How curves are drawn in a view; remembered. */
export function useSettings(name: string): [ISettings, (change: Partial<ISettings>) => void] {
  const [text, setText] = useMemory<string>(name, '{}');
  const settings = React.useMemo<ISettings>(() => ({ ...FIRST, ...JSON.parse(text) }), [text]);
  return [settings, change => setText(JSON.stringify({ ...settings, ...change }))];
}

/** How a place of the x axis is said. */
export function useSayX(axis: Axis): (x: number) => string {
  return React.useMemo(
    () => (axis === 'time' ? (x: number) => (x === 0 ? '0' : duration(x)) : number),
    [axis]
  );
}

/** What is drawn of a curve: smoothed, with what was smoothed behind it, or its best so far. */
export function dressed(
  curve: ICurve | IBand,
  settings: ISettings,
  direction: Direction,
  span: number
): { y: number[]; raw?: readonly number[]; low?: number[]; high?: number[] } {
  const { smoothing, best } = settings;
  const dress = (y: readonly number[]) => {
    const chosen = best ? bestSoFar(y, direction) : y;
    return smooth({ x: curve.x, y: chosen }, smoothing, span);
  };
  if ('low' in curve) {
    return { y: dress(curve.y), low: dress(curve.low), high: dress(curve.high) };
  }
  return { y: dress(curve.y), raw: smoothing > 0 && !best ? curve.y : undefined };
}

/** The row of controls above charts. */
export function Settings(props: {
  settings: ISettings;
  onChange: (change: Partial<ISettings>) => void;
  /** Whether a metric `epoch` was logged. */
  epoch: boolean;
  /** Whether runs can be gathered to bands. */
  several?: boolean;
  children?: React.ReactNode;
}): JSX.Element {
  const { settings, onChange } = props;
  const trans = useTrans();
  const axes: [Axis, string, boolean?][] = [
    ['step', trans.__('Step')],
    ['time', trans.__('Time')],
    ['epoch', trans.__('Epoch'), !props.epoch]
  ];
  const check = (name: 'xLog' | 'yLog' | 'best' | 'bands', label: string, title: string) => (
    <label className="lst-Check" title={title}>
      <input
        type="checkbox"
        checked={settings[name]}
        onChange={event => onChange({ [name]: event.target.checked })}
      />
      {label}
    </label>
  );
  return (
    <div className="lst-Settings" role="toolbar" aria-label={trans.__('How curves are drawn')}>
      {props.children}
      <Choose
        label={trans.__('Over')}
        value={settings.axis}
        options={axes}
        onChange={axis => onChange({ axis })}
      />
      <label title={trans.__('Exponential moving average')}>
        {trans.__('Smooth')}
        <input
          type="range"
          min={0}
          max={100}
          value={toSlider(settings.smoothing)}
          onChange={event => onChange({ smoothing: fromSlider(Number(event.target.value)) })}
          aria-valuetext={settings.smoothing.toFixed(3)}
        />
        <output>{settings.smoothing ? settings.smoothing.toFixed(2) : trans.__('off')}</output>
      </label>
      {check('xLog', trans.__('Log x'), trans.__('Logarithmic x axis'))}
      {check('yLog', trans.__('Log y'), trans.__('Logarithmic y axis'))}
      {check('best', trans.__('Best so far'), trans.__('The best value up to each point'))}
      {props.several &&
        check(
          'bands',
          trans.__('Bands over seeds'),
          trans.__('Mean, lowest and highest of runs that differ in their seed only')
        )}
    </div>
  );
}

// Most of what matters lies close to 1: the slider has its second half for it.
const toSlider = (weight: number) => Math.round(100 * (1 - (1 - weight / 0.999) ** 0.5));
const fromSlider = (place: number) => Number((0.999 * (1 - (1 - place / 100) ** 2)).toFixed(4));
