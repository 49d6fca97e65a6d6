/** What is loaded when it is first looked at. */
export { AddCompute } from './add';
export { UsageView } from './usage';
export { ComputeView } from './view';
