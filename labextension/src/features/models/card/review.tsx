import * as React from 'react';

import { Button } from '../../../components/basics';
import { useServices } from '../../../components/context';
import type { CardModel } from './model';

/** A yes or a no to the card that is in review. */
export function Review(props: { model: CardModel }): JSX.Element {
  const { model } = props;
  const { trans } = useServices();
  const [comment, setComment] = React.useState('');
  const by = model.card?.submitted_by;
  return (
    <div className="lst-Review" role="group" aria-label={trans.__('Review')}>
      <span>
        {by ? trans.__('Submitted for review by %1.', by) : trans.__('Submitted for review.')}
      </span>
      <input
        type="text"
        value={comment}
        placeholder={trans.__('Your comment')}
        aria-label={trans.__('Your comment')}
        onChange={event => setComment(event.target.value)}
      />
      <Button kind="primary" disabled={model.busy} onClick={() => void model.decide(true, comment)}>
        {trans.__('Approve')}
      </Button>
      <Button kind="danger" disabled={model.busy} onClick={() => void model.decide(false, comment)}>
        {trans.__('Reject')}
      </Button>
      <Button
        disabled={model.busy}
        title={trans.__('Go on writing; it is sent to review again later')}
        onClick={() => void model.withdraw()}
      >
        {trans.__('Take back')}
      </Button>
    </div>
  );
}
