import { LabIcon } from '@jupyterlab/ui-components';

const svg = (body: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">${body}</svg>`;
export const icon = (name: string, body: string) =>
  new LabIcon({ name: `labstudio:${name}`, svgstr: svg(body) });

export const line = (d: string) =>
  `<path class="jp-icon3" style="fill:none" stroke="#616161" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" d="${d}"/>`;
const ring = (colour: string, d: string) =>
  `<path style="fill:none;stroke:var(${colour})" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" d="${d}"/>`;
const disc = (colour: string, d: string) =>
  `<circle cx="8" cy="8" r="6.6" style="fill:var(${colour})"/><path style="fill:none;stroke:var(--jp-layout-color1)" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" d="${d}"/>`;

const SHEETS = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161"><path d="M4 4h13v2H6v11H4z"/><path d="M8 8h12v12H8zm2 2v8h8v-8z" fill-rule="evenodd"/><path d="M12.4 11.4v5.2l4-2.6z"/></g></svg>`;

/** A stack of sheets with a play mark: the panel and everything that makes a job. */
export const jobsIcon = new LabIcon({
  name: 'labstudio:jobs',
  svgstr: SHEETS
});
export const runAsJobIcon = new LabIcon({
  name: 'labstudio:run-as-job',
  svgstr: SHEETS
});
export const rerunIcon = icon('rerun', line('M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3'));
export const changesIcon = icon(
  'rerun-with-changes',
  line(
    'M2 4h7M12.5 4h1.5M2 8h2M7.500 8h6.500M2 12h6M11.500 12h2.500M9 2.700v2.600M4.500 6.700v2.600M8.500 10.700v2.600'
  )
);
export const trashIcon = icon(
  'delete',
  line('M3 4.500h10M6.500 4V2.500h3V4M4.500 4.500l.6 9h5.800l.6-9M6.800 7v4M9.200 7v4')
);
export const compareIcon = icon(
  'compare',
  line(
    'M8 2v12M3 4.500h2.500M3 8h2.500M3 11.500h2.500M10.500 4.500H13M10.500 8H13M10.500 11.500H13'
  )
);
export const clockIcon = icon(
  'schedule',
  line('M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.800V8l2.200 1.600')
);
export const chartIcon = icon(
  'mlflow',
  line('M2.500 2.500v11h11M5 10.500l2.500-3.500 2 2L13 4.500')
);
export const computeIcon = new LabIcon({
  name: 'labstudio:compute',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161"><path d="M4 4h16v6H4zm2 2v2h12V6z" fill-rule="evenodd"/><path d="M4 13h16v6H4zm2 2v2h12v-2z" fill-rule="evenodd"/><path d="M7 6.500h2v1H7zM7 15.500h2v1H7z"/></g></svg>`
});
export const testIcon = icon('test-compute', line('M3 8h2.500l1.500-4 2.500 8 1.500-4h2.500'));
export const drainIcon = icon('drain', line('M3 3h10M4.500 6h7M6.500 9h3M8 11v2.500'));
export const checkpointIcon = icon(
  'checkpoint',
  line('M8 2.500v7M5 6.800L8 9.800l3-3M3 11.500v2h10v-2')
);
export const moveIcon = icon(
  'move-notebook',
  line('M2.500 8h9M8.500 4.500L12 8l-3.500 3.500M14 3v10')
);
export const pauseIcon = icon('pause', line('M5.500 4v8M10.500 4v8'));
export const playIcon = icon('play', line('M5.500 3.500v9l6.500-4.500z'));
export const stopSquareIcon = icon('stop', line('M4.200 4.200h7.600v7.600H4.200z'));
export const plugIcon = icon(
  'attach',
  line('M5.500 2.500v3M10.500 2.500v3M4 5.500h8v2a4 4 0 0 1-8 0zM8 11.500v2.500')
);
export const endIcon = icon('end-kernel', line('M8 2v5.500M5 4a5.200 5.200 0 1 0 6 0'));
export const wrapIcon = icon(
  'wrap',
  line(
    'M2.500 3.500h11M2.500 8h8.700a2.300 2.300 0 0 1 0 4.600H8.500M10.200 10.800L8.400 12.600l1.800 1.800M2.500 12.600h3'
  )
);
export const followIcon = icon(
  'follow',
  line('M8 2.500v8M4.800 7.500L8 10.700l3.200-3.200M3.500 13.500h9')
);
export const outIcon = icon(
  'open-in',
  line('M9 3h4v4M13 3L7.500 8.500M11.500 9.500v3.500H3V4.500h3.500')
);

/** A flask: experiments. */
export const experimentsIcon = new LabIcon({
  name: 'labstudio:experiments',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161"><path d="M8 3h8v2h-1v4.600l4.700 8.200A2.150 2.150 0 0 1 17.850 21H6.150a2.150 2.150 0 0 1-1.850-3.200L9 9.600V5H8zm3 2v5.150L8.800 14h6.400L13 10.150V5z" fill-rule="evenodd"/></g></svg>`
});
export const tableIcon = icon(
  'runs',
  line('M2.500 3h11v10h-11zM2.500 6.300h11M2.500 9.600h11M6.200 6.300V13')
);
export const columnsIcon = icon('columns', line('M2.500 3h11v10h-11zM6.200 3v10M9.800 3v10'));
export const starIcon = icon(
  'favourite',
  line(
    'M8 2l1.800 3.800 4.200.500-3.100 2.900.800 4.100L8 11.300l-3.700 2 .800-4.100L2 6.300l4.200-.500z'
  )
);
export const tagIcon = icon(
  'tag',
  line('M2.500 2.500h5.200l5.800 5.800-5.200 5.200-5.800-5.800zM5.300 5.300v.010')
);
export const archiveIcon = icon('archive', line('M2.500 3h11v3h-11zM3.500 6v7h9V6M6.500 8.700h3'));

/** States carry their colour with them, so that they look the same in a list, a header or a tab. */
export const stateIcons = {
  queued: icon(
    'state-queued',
    ring(
      '--jp-ui-font-color2',
      'M8 14.200A6.200 6.200 0 1 0 8 1.800a6.200 6.200 0 0 0 0 12.400zM8 4.700V8l2.200 1.500'
    )
  ),
  starting: icon(
    'state-starting',
    ring('--jp-brand-color1', 'M8 1.800A6.200 6.200 0 0 1 14.200 8')
  ),
  running: icon(
    'state-running',
    ring('--jp-brand-color1', 'M8 1.800a6.200 6.200 0 1 1-5.400 3.100')
  ),
  succeeded: icon('state-succeeded', disc('--jp-success-color1', 'M5 8.300l2.100 2.100L11 6.200')),
  failed: icon(
    'state-failed',
    disc('--jp-error-color1', 'M5.700 5.700l4.600 4.600M10.300 5.700l-4.600 4.600')
  ),
  stopped: icon('state-stopped', disc('--jp-ui-font-color2', 'M6 6h4v4H6z')),
  interrupted: icon('state-interrupted', disc('--jp-warn-color1', 'M8 4.500v4.200M8 11.200v.1'))
} as const;
