import type { CurvePlot } from './plot';

/** Let wheel, dragging and keys move what a chart shows; returns what lets go of them. */
export function handle(node: HTMLElement, plot: CurvePlot): () => void {
  /** With Ctrl the wheel comes closer; else it moves what is seen, unless that is all there is. */
  const onWheel = (event: WheelEvent): void => {
    const { left, width } = plot.inner;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const at = (event.clientX - left) / width;
      const factor = Math.exp(event.deltaY / 300);
      plot.zoomTo(at - at * factor, at + (1 - at) * factor);
    } else if (plot.zoomed || event.shiftKey) {
      event.preventDefault();
      plot.pan((event.deltaX || event.deltaY) / width);
    }
  };
  /** With Shift, dragging moves what is seen. */
  const onDown = (event: PointerEvent): void => {
    if (!event.shiftKey || event.button !== 0) {
      return;
    }
    // Before uPlot takes it for the beginning of a selection.
    event.stopPropagation();
    event.preventDefault();
    const { width } = plot.inner;
    let last = event.clientX;
    const move = (next: PointerEvent) => {
      plot.pan((last - next.clientX) / width);
      last = next.clientX;
    };
    const up = () => {
      window.removeEventListener('pointermove', move);
      window.removeEventListener('pointerup', up);
    };
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', up);
  };
  const keys: Record<string, () => void> = {
    ArrowLeft: () => plot.pan(-0.1),
    ArrowRight: () => plot.pan(0.1),
    '+': () => plot.zoomTo(0.1, 0.9),
    '-': () => plot.zoomTo(-0.125, 1.125),
    '0': () => plot.reset(),
    Home: () => plot.reset()
  };
  const onKey = (event: KeyboardEvent): void => {
    if (keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      event.stopPropagation();
      keys[event.key]();
    }
  };
  node.addEventListener('wheel', onWheel, { passive: false });
  node.addEventListener('pointerdown', onDown, true);
  node.addEventListener('keydown', onKey);
  return () => {
    node.removeEventListener('wheel', onWheel);
    node.removeEventListener('pointerdown', onDown, true);
    node.removeEventListener('keydown', onKey);
  };
}
