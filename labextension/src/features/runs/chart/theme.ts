import * as React from 'react';

/** Whether JupyterLab's theme is a dark one; charts are drawn anew when it changes. */
export function useDark(): boolean {
  const [dark, setDark] = React.useState(isDark);
  React.useEffect(() => {
    const observer = new MutationObserver(() => setDark(isDark()));
    observer.observe(document.body, { attributeFilter: ['data-jp-theme-light'] });
    return () => observer.disconnect();
  }, []);
  return dark;
}

function isDark(): boolean {
  return document.body.dataset.jpThemeLight === 'false';
}

/** A colour of the theme, as it is now. */
export function themed(name: string): string {
  return window.getComputedStyle(document.body).getPropertyValue(name).trim();
}
