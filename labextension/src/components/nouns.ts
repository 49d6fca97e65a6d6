import type { LabIcon } from '@jupyterlab/ui-components';

import { icon, jobsIcon, line } from './icons';

export const lineageIcon = icon(
  'lineage',
  line(
    'M2.500 3h3v3h-3zM2.500 10h3v3h-3zM10.500 6.500h3v3h-3zM5.500 4.500h1.500a1.500 1.500 0 0 1 1.500 1.500v4a1.500 1.500 0 0 1-1.500 1.500H5.500M8.500 8h2'
  )
);
export const modelIcon = icon(
  'model',
  line('M8 1.800l5.400 3.100v6.200L8 14.200l-5.400-3.100V4.900zM2.800 5L8 8l5.200-3M8 8v6')
);
export const loggedModelIcon = icon(
  'logged-model',
  line('M8 1.800l5.400 3.100v6.200L8 14.200l-5.400-3.100V4.900z')
);
export const cardIcon = icon(
  'model-card',
  line('M3 2.500h10v11H3zM5.500 5.500h5M5.500 8h5M5.500 10.500h3')
);
export const dataIcon = icon(
  'data',
  line(
    'M3 4c0-1 2.200-1.800 5-1.800S13 3 13 4s-2.200 1.800-5 1.800S3 5 3 4zM3 4v8c0 1 2.200 1.800 5 1.800s5-.8 5-1.800V4M3 8c0 1 2.200 1.800 5 1.800S13 9 13 8'
  )
);
export const recipeIcon = icon(
  'recipe',
  line('M2.500 3.500h7M2.500 8h4M2.500 12.500h4M9 7l4.500 4.500M13.500 8.500v3h-3')
);
export const cellIcon = icon(
  'cell',
  line('M2.500 4h11v8h-11zM5 6.500l1.500 1.500L5 9.500M8 9.500h2.500')
);
export const runIcon = icon('run', line('M2.500 13.500h11M4.500 11V8M8 11V3M11.500 11V5.500'));
export const reportIcon = icon(
  'report',
  line('M3.500 2.500h6l3 3v8h-9zM9.500 2.500v3h3M6 11V9M8 11V7.500M10 11v-1')
);
export const endpointIcon = icon(
  'endpoint',
  line(
    'M8 9.500v4M5 13.500h6M8 9.500a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM4 3.500a5.600 5.600 0 0 0 0 8M12 3.500a5.600 5.600 0 0 1 0 8'
  )
);

const STAR =
  'M8 2l1.800 3.900 4.200.5-3.100 2.900.8 4.200L8 11.400l-3.700 2.100.8-4.200L2 6.400l4.200-.5z';
export const starIcon = icon('star', line(STAR));
export const starFullIcon = icon(
  'star-full',
  `<path class="jp-icon3" fill="#616161" d="${STAR}"/>`
);
export const tableIcon = icon(
  'model-dashboard',
  line('M2.500 3h11v10h-11zM2.500 6.300h11M2.500 9.600h11M6.500 6.300V13')
);
export const promoteIcon = icon('promote', line('M8 13V4M4.500 7.500L8 4l3.500 3.500M3 2.500h10'));

/** What stands in the lineage or is a card's source, by its kind. */
export const kindIcons: Readonly<Record<string, LabIcon>> = {
  cell: cellIcon,
  data: dataIcon,
  recipe: recipeIcon,
  job: jobsIcon,
  run: runIcon,
  logged_model: loggedModelIcon,
  model: modelIcon,
  report: reportIcon,
  card: cardIcon,
  endpoint: endpointIcon
};
