/** Short names for the generated types of the registry and its cards. */
import type { components } from '../../api/_generated';

type Schemas = components['schemas'];

export type Approval = Schemas['Approval'];
export type Card = Schemas['Card'];
export type CardSummary = Schemas['CardSummary'];
export type Column = Schemas['Column'];
export type ComparedValue = Schemas['labstudio__registry__models__ComparedValue'];
export type Comparison = Schemas['labstudio__registry__models__Comparison'];
export type DashboardItem = Schemas['DashboardItem'];
export type Missing = Schemas['Missing'];
export type Model = Schemas['Model'];
export type ModelDetail = Schemas['ModelDetail'];
export type ModelEvent = Schemas['ModelEvent'];
export type ModelPage = Schemas['ModelPage'];
export type ModelVersion = Schemas['ModelVersion'];
export type Registrable = Schemas['Registrable'];
export type Source = Schemas['Source'];
export type SourceRun = Schemas['SourceRun'];
export type VersionDetail = Schemas['VersionDetail'];
export type Webhook = Schemas['Webhook'];
export type WebhookPage = Schemas['WebhookPage'];
export type WebhookTest = Schemas['WebhookTest'];

/** What is sent may leave out whatever has a default. */
export type RegisterModel = Partial<Schemas['RegisterModel']> & { name: string };
export type UpdateModel = Partial<Schemas['UpdateModel']>;
export type UpdateVersion = Partial<Schemas['UpdateVersion']>;
export type UpdateCard = Partial<Schemas['UpdateCard']> & { sha256: string };
export type CreateApproval = Partial<Schemas['CreateApproval']> & {
  model: string;
  version: number;
  alias: string;
};
export type CreateWebhook = Partial<Schemas['CreateWebhook']> & {
  name: string;
  url: string;
  events: string[];
};
