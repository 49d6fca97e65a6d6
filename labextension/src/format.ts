/** Words for numbers and times. Pure: no DOM, no JupyterLab. */

/** Seconds between two moments, or until now. */
export function secondsBetween(
  start: string | null | undefined,
  end: string | null | undefined,
  now: number = Date.now()
): number | null {
  if (!start) {
    return null;
  }
  const from = Date.parse(start);
  const to = end ? Date.parse(end) : now;
  return Number.isNaN(from) || Number.isNaN(to) ? null : Math.max(0, (to - from) / 1000);
}

/** A span as one would read it off a stopwatch: `0.4 s`, `12 s`, `3:04`, `2:03:04`, `3 d 4 h`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) {
    return '';
  }
  if (seconds < 10) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.floor(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (h >= 48) {
    return `${Math.floor(h / 24)} d ${h % 24} h`;
  }
  const pad = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** A size in bytes, in units of 1,000. */
export function bytes(size: number | null | undefined): string {
  if (size === null || size === undefined) {
    return '';
  }
  let value = size;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (value < 1000) {
      return `${unit === 'B' || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    }
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

/** A number at a glance: at most five significant digits. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return '–';
  }
  if (value === 0) {
    return '0';
  }
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) {
    return value.toExponential(2);
  }
  return String(Number(value.toPrecision(5)));
}

/** A moment in the reader's own zone and language. */
export function moment(iso: string | null | undefined, locale?: string): string {
  if (!iso) {
    return '';
  }
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? ''
    : date.toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'medium' });
}

/** A time of day, with its day when that is not today. */
export function clock(date: Date, now: Date = new Date(), locale?: string): string {
  const time = date.toLocaleTimeString(locale, { timeStyle: 'short' });
  return date.toDateString() === now.toDateString()
    ? time
    : `${date.toLocaleDateString(locale, { day: 'numeric', month: 'short' })} ${time}`;
}

/** How long ago, in the reader's language: `now`, `3 min ago`. */
export function ago(
  iso: string | null | undefined,
  now: number = Date.now(),
  locale?: string
): string {
  const date = iso ? Date.parse(iso) : NaN;
  if (Number.isNaN(date)) {
    return '';
  }
  // What a clock a little ahead calls the future was just now.
  const seconds = Math.min(0, (date - now) / 1000);
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60]
  ];
  for (const [unit, span] of steps) {
    if (Math.abs(seconds) >= span) {
      return format.format(Math.trunc(seconds / span), unit);
    }
  }
  return format.format(0, 'second');
}

/**
 * A moment as its own offset shows it (`2026-03-29T06:00:00+02:00` is 06:00 whoever reads it).
 */
export function wallClock(iso: string, locale?: string): string {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(iso);
  if (!match) {
    return iso;
  }
  const [y, mo, d, h, mi] = match.slice(1).map(Number);
  return new Date(Date.UTC(y, mo - 1, d, h, mi)).toLocaleString(locale, {
    timeZone: 'UTC',
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hour12: false
  });
}

/** A JSON value on one line, cut at a length. */
export function oneLine(value: unknown, limit = 120): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}
