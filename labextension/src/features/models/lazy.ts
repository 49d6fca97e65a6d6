/** What is loaded when it is first looked at. */
export { CardEditor } from './card/editor';
export { CardModel } from './card/model';
export { DashboardView } from './dashboard';
export { OneModel, TABS } from './view/model';
export { ModelView } from './view/widget';
