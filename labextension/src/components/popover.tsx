import * as React from 'react';
import { createPortal } from 'react-dom';

const MARGIN = 8;

/** A small panel beside what opened it. Escape or a press outside closes it; Tab stays within. */
export function Popover(props: {
  /** Where it was opened. */
  at: { left: number; top: number; bottom: number };
  label: string;
  onClose: () => void;
  className?: string;
  children: React.ReactNode;
}): JSX.Element {
  const { at, onClose } = props;
  const box = React.useRef<HTMLDivElement>(null);
  const [place, setPlace] = React.useState<{ left: number; top: number } | null>(null);

  React.useLayoutEffect(() => {
    const element = box.current;
    if (!element) {
      return;
    }
    const put = () => {
      const { offsetWidth, offsetHeight } = element;
      const left = Math.min(at.left, window.innerWidth - offsetWidth - MARGIN);
      const below = at.bottom + 2;
      const above = at.top - offsetHeight - 2;
      const fits = below + offsetHeight <= window.innerHeight - MARGIN;
      const top = fits ? below : above >= MARGIN ? above : MARGIN;
      setPlace({ left: Math.max(MARGIN, left), top });
    };
    put();
    const observer = new ResizeObserver(put);
    observer.observe(element);
    return () => observer.disconnect();
  }, [at]);

  const placed = place !== null;
  React.useEffect(() => {
    const element = box.current;
    if (!placed || !element) {
      return;
    }
    const before = document.activeElement;
    (element.querySelector<HTMLElement>('[data-first], input, button') ?? element).focus();
    return () => {
      // Back to where the reader was, unless they went on already.
      const now = document.activeElement;
      if (before instanceof HTMLElement && (now === document.body || element.contains(now))) {
        before.focus({ preventScroll: true });
      }
    };
  }, [placed]);

  React.useEffect(() => {
    const press = (event: PointerEvent) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) {
        onClose();
      }
    };
    document.addEventListener('pointerdown', press, true);
    return () => document.removeEventListener('pointerdown', press, true);
  }, [onClose]);

  const key = (event: React.KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === 'Escape') {
      onClose();
    } else if (event.key === 'Tab' && box.current) {
      const stops = [
        ...box.current.querySelectorAll<HTMLElement>('input, button, select, [tabindex="0"]')
      ].filter(each => each.tabIndex >= 0 && each.getClientRects().length > 0);
      const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
      if (document.activeElement === edge) {
        event.preventDefault();
        (event.shiftKey ? stops[stops.length - 1] : stops[0])?.focus();
      }
    }
  };

  return createPortal(
    <div
      ref={box}
      className={`lst-Widget lst-Popover ${props.className ?? ''}`}
      role="dialog"
      aria-label={props.label}
      tabIndex={-1}
      style={place ?? { visibility: 'hidden' }}
      onKeyDown={key}
    >
      {props.children}
    </div>,
    document.body
  );
}
