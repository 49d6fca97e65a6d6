import { LabIcon } from '@jupyterlab/ui-components';

const line = (name: string, d: string) =>
  new LabIcon({
    name: `labstudio:${name}`,
    svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16"><path class="jp-icon3" style="fill:none" stroke="#616161" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" d="${d}"/></svg>`
  });

export const growIcon = line(
  'grow',
  'M9.500 2.500h4v4M13.500 2.500l-4.500 4.500M6.500 13.500h-4v-4M2.500 13.500L7 9'
);
export const closeIcon = line('shrink', 'M13 7H9V3M9 7l4.500-4.500M3 9h4v4M7 9l-4.500 4.500');
export const resetIcon = line(
  'see-all',
  'M2.500 8h11M5 5L2.500 8 5 11M11 5l2.500 3-2.500 3M1.500 3v10M14.500 3v10'
);
export const takeIcon = line('take-along', 'M8 2.500v7M5 6.800L8 9.800l3-3M3 11.500v2h10v-2');
export const cellIcon = line(
  'to-notebook',
  'M3 2.500h7v4M3 2.500v11h4M5.500 5.500h2.500M11 9v5M8.500 11.500h5'
);
export const starIcon = line(
  'star',
  'M8 2.300l1.700 3.600 3.900.5-2.900 2.700.8 3.900L8 11.100 4.500 13l.8-3.900L2.400 6.400l3.900-.5z'
);
export const starredIcon = new LabIcon({
  name: 'labstudio:starred',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16"><path style="fill:var(--jp-warn-color1);stroke:var(--jp-warn-color1)" stroke-width="1.4" stroke-linejoin="round" d="M8 2.300l1.700 3.600 3.900.5-2.900 2.700.8 3.900L8 11.100 4.500 13l.8-3.900L2.400 6.400l3.900-.5z"/></svg>'
});
export const archiveIcon = line('archive', 'M2.500 3h11v3h-11zM3.500 6v7.500h9V6M6.500 8.500h3');
export const eyeIcon = line(
  'shown',
  'M1.500 8S4 3.500 8 3.500 14.500 8 14.500 8 12 12.500 8 12.500 1.500 8 1.500 8zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z'
);
export const hiddenIcon = line(
  'hidden',
  'M2.500 2.500l11 11M4.500 5C2.600 6.200 1.500 8 1.500 8S4 12.500 8 12.500c1 0 1.900-.3 2.700-.7M7 3.600c.3-.1.7-.1 1-.1 4 0 6.500 4.500 6.500 4.500s-.6 1-1.600 2.100'
);
export const lineageIcon = line(
  'lineage',
  'M2.500 6h3v4h-3zM10.500 2.500h3v3h-3zM10.500 10.500h3v3h-3zM5.500 8h2.500V4h2.500M8 8v4h2.500'
);
export const registerIcon = line(
  'register',
  'M8 2l5 2.500v6L8 13.500l-5-3v-6zM3 4.500L8 7l5-2.500M8 7v6.500'
);
export const runIcon = line(
  'run',
  'M2.500 13.500h11M2.500 13.500v-11M5 10l2.500-4 2 2.500L13 3.500'
);
