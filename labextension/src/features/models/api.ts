import type { Api } from '../../api/client';
import { seg } from '../../api/client';
import type {
  Approval,
  Card,
  CardSummary,
  Comparison,
  CreateApproval,
  CreateWebhook,
  DashboardItem,
  ModelDetail,
  ModelEvent,
  ModelPage,
  ModelVersion,
  Registrable,
  RegisterModel,
  UpdateCard,
  UpdateModel,
  UpdateVersion,
  VersionDetail,
  Webhook,
  WebhookPage,
  WebhookTest
} from './types';

export type CardFormat = 'html' | 'pdf' | 'json';

/** The registry over REST. It remembers what was done from this page. */
export class ModelsApi {
  constructor(private _api: Api) {}

  list = (query: { text?: string; favourite?: true; cursor?: string }) =>
    this._api.get<ModelPage>('models', { ...query, limit: 100 });
  get = (name: string) => this._api.get<ModelDetail>(model(name));
  version = (name: string, number: number) =>
    this._api.get<VersionDetail>(`${model(name)}/versions/${number}`);
  compare = (name: string, versions: readonly number[]) =>
    this._api.get<Comparison>(`${model(name)}/compare`, { version: versions.map(String) });
  registrable = (run: string) => this._api.get<{ items: Registrable[] }>(`runs/${seg(run)}/models`);
  dashboard = () => this._api.get<{ items: DashboardItem[] }>('dashboard');
  changes = (query: { model?: string; after?: string; limit?: number }) =>
    this._api.get<{ items: ModelEvent[] }>('models/changes', query);

  register = (wanted: RegisterModel) =>
    this._send<ModelVersion>(wanted.name, 'POST', 'models', wanted);
  update = (name: string, changes: UpdateModel) =>
    this._send<ModelDetail>(name, 'PATCH', model(name), changes);
  updateVersion = (name: string, number: number, changes: UpdateVersion) =>
    this._send<ModelVersion>(name, 'PATCH', `${model(name)}/versions/${number}`, changes);
  remove = (name: string, version?: number) =>
    version === undefined
      ? this._send<void>(name, 'DELETE', `${model(name)}?confirm=${seg(name)}`)
      : this._send<void>(
          name,
          'DELETE',
          `${model(name)}/versions/${version}?confirm=${seg(`${name}/${version}`)}`
        );
  setAlias = (name: string, alias: string, version: number) =>
    this._send<ModelDetail>(name, 'PUT', `${model(name)}/aliases/${seg(alias)}`, { version });
  deleteAlias = (name: string, alias: string) =>
    this._send<ModelDetail>(name, 'DELETE', `${model(name)}/aliases/${seg(alias)}`);

  approvals = (name: string) => this._api.get<{ items: Approval[] }>('approvals', { model: name });
  ask = (wanted: CreateApproval) => this._send<Approval>(wanted.model, 'POST', 'approvals', wanted);
  decide = (approval: Approval, approve: boolean, comment: string) =>
    this._send<Approval>(approval.model, 'POST', `approvals/${seg(approval.id)}/decision`, {
      approve,
      comment
    });
  withdraw = (approval: Approval) =>
    this._send<Approval>(approval.model, 'DELETE', `approvals/${seg(approval.id)}`);

  webhooks = () => this._api.get<WebhookPage>('webhooks');
  createWebhook = (wanted: CreateWebhook) => this._api.send<Webhook>('POST', 'webhooks', wanted);
  deleteWebhook = (id: string) => this._api.send<void>('DELETE', `webhooks/${seg(id)}`);
  testWebhook = (id: string) => this._api.send<WebhookTest>('POST', `webhooks/${seg(id)}/test`);

  card = (name: string, number: number, card?: number) =>
    this._api.get<Card>(`${model(name)}/versions/${number}/card`, { card_version: card });
  cards = (name: string, number: number) =>
    this._api.get<{ items: CardSummary[] }>(`${model(name)}/versions/${number}/cards`);
  updateCard = (name: string, number: number, changes: UpdateCard) =>
    this._send<Card>(name, 'PATCH', `${model(name)}/versions/${number}/card`, changes);
  importCard = (name: string, number: number, content: Record<string, unknown>) =>
    this._send<Card>(name, 'POST', `${model(name)}/versions/${number}/card`, { content });
  refreshCard = (name: string, number: number, sha256: string) =>
    this._send<Card>(name, 'POST', `${model(name)}/versions/${number}/card/refresh`, { sha256 });
  submitCard = (name: string, number: number, sha256: string) =>
    this._send<Card>(name, 'POST', `${model(name)}/versions/${number}/card/submit`, { sha256 });
  withdrawCard = (name: string, number: number, sha256: string) =>
    this._send<Card>(
      name,
      'DELETE',
      `${model(name)}/versions/${number}/card/submit?sha256=${seg(sha256)}`
    );
  decideCard = (
    name: string,
    number: number,
    decision: { sha256: string; approve: boolean; comment: string }
  ) => this._send<Card>(name, 'POST', `${model(name)}/versions/${number}/card/decision`, decision);

  /** The address of a card as a file. */
  cardUrl(name: string, number: number, format: CardFormat, card?: number): string {
    return this._api.url(`${model(name)}/versions/${number}/card.${format}`, {
      card_version: card,
      download: true
    });
  }

  /** Whether something was done to a model from this page just now. */
  own(name: string): boolean {
    return (Private.own.get(name) ?? 0) > Date.now();
  }

  private async _send<T>(name: string, method: string, path: string, body?: unknown): Promise<T> {
    Private.own.set(name, Infinity);
    try {
      return await this._api.send<T>(method, path, body);
    } finally {
      Private.own.set(name, Date.now() + Private.ECHO_MS);
    }
  }
}

function model(name: string): string {
  return `models/${seg(name)}`;
}

namespace Private {
  /** How long after an answer its own events may still come. */
  export const ECHO_MS = 5_000;
  /** Until when what happens to a model counts as done here. */
  export const own = new Map<string, number>();
}
