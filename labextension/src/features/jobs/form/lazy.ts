/** All of the form in one piece, loaded when the first one is opened. */
export * as drafts from './draft';
export { formTitle, JobForm } from './form';
export { browserZone, FormModel } from './model';
