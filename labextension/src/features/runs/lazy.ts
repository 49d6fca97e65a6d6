/** What is loaded when it is first looked at. */
export { CompareModel } from './compare/model';
export { CompareWidget } from './compare/widget';
export { RunModel } from './model';
export { RunWidget } from './view/widget';
