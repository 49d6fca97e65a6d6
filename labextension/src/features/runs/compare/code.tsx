import * as React from 'react';

import { ApiError } from '../../../api/client';
import { Banner, Empty } from '../../../components/basics';
import { useSignal, useTrans } from '../../../components/context';
import { Choose } from '../chart/choose';
import { useDark } from '../chart/theme';
import { colour } from '../colours';
import { Diff } from '../tools';
import type { CodeDiff } from '../types';
import type { CompareModel } from './model';

/** The runs' code beside that of one of them, part by part. */
export function CodeTab(props: { model: CompareModel }): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  const dark = useDark();
  useSignal(model.chosen);
  const [chosen, setChosen] = React.useState(model.visible[0]);
  const [diffs, setDiffs] = React.useState<readonly CodeDiff[] | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  const base = model.visible.includes(chosen) ? chosen : model.visible[0];
  const others = model.visible.filter(id => id !== base);
  const key = [base, ...others].join();
  React.useEffect(() => {
    let live = true;
    model.runs.compare(key.split(',')).then(
      found => {
        if (live) {
          setDiffs(found.code);
          setProblem(null);
        }
      },
      reason => live && setProblem(ApiError.from(reason).message)
    );
    return () => {
      live = false;
    };
  }, [model, key]);
  return (
    <div className="lst-CompareCode lst-Scroll">
      <div className="lst-Settings">
        <Choose
          label={trans.__('Beside')}
          value={base}
          options={model.visible.map(id => [id, model.label(id)] as const)}
          onChange={setChosen}
        />
      </div>
      {problem && <Banner kind="error">{problem}</Banner>}
      {others.length === 0 && (
        <Empty>{trans.__('Code is compared once two runs are shown.')}</Empty>
      )}
      {others.map(id => {
        const diff = diffs?.find(each => each.run_id === id);
        return (
          <section key={id} aria-label={model.label(id)}>
            <h3>
              <i className="lst-Swatch" style={{ color: colour(model.style(id).colour, dark) }} />
              {model.label(id)}
              {diff?.same && !diff.message && (
                <span className="lst-Quiet">{trans.__('the same code')}</span>
              )}
            </h3>
            {diff?.message && <p className="lst-Quiet">{diff.message}</p>}
            {diff?.parts.map(part => (
              <details key={part.name} open>
                <summary>
                  <strong>{part.name}</strong>{' '}
                  <span className="lst-Quiet">
                    {part.change === 'added'
                      ? trans.__('added')
                      : part.change === 'removed'
                        ? trans.__('removed')
                        : trans.__('changed')}
                  </span>
                </summary>
                <Diff text={part.diff} />
              </details>
            ))}
          </section>
        );
      })}
    </div>
  );
}
