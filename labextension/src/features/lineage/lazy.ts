/** The graph with what draws it, loaded when the first one is opened. */
export { LineageModel } from './model';
export { LineageView } from './view';
