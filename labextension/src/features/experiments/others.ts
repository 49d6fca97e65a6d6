/** Commands of the studio's other features that the table calls. */
export namespace Others {
  export const openRun = 'labstudio-runs:open';
  export const compareRuns = 'labstudio-runs:compare';
  export const reproduceRun = 'labstudio-runs:reproduce';
  export const registerModel = 'labstudio-models:register';
}
