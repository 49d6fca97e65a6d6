import type { Api } from '../../../api/client';
import { ApiError } from '../../../api/client';
import type { StudioEvents } from '../../../api/events';
import { RegistryFollower } from '../model';
import type { Card, CardSummary } from '../types';
import type { Draft } from './draft';
import { changes, excess, rebased, stands, theirs, typed } from './draft';

/** The card of a model version: a document that is filled in, reviewed and kept. */
export class CardModel extends RegistryFollower {
  constructor(
    api: Api,
    events: StudioEvents,
    readonly name: string,
    readonly number: number
  ) {
    super(api, events);
    this._key = `labstudio:card:${name}/${number}`;
    this._draft = stored(this._key);
    void this.refresh();
  }

  /** The version of the card that is looked at. */
  get card(): Card | null {
    return this._card;
  }

  /** Every version of the card, newest first. */
  get cards(): readonly CardSummary[] {
    return this._cards;
  }

  /** An older version that is looked at; null for the newest. */
  get chosen(): number | null {
    return this._chosen;
  }

  set chosen(version: number | null) {
    this._chosen = version;
    this.emit();
    void this.refresh();
  }

  /** Whether it may be written into: the newest, unless it waits for a decision. */
  get editable(): boolean {
    return this._card !== null && this._chosen === null && this._card.state !== 'pending';
  }

  get dirty(): boolean {
    return Object.keys(this._draft).length > 0;
  }

  /** Somebody else changed the card since the typing began. */
  get conflict(): boolean {
    return this._conflict;
  }

  get busy(): boolean {
    return this._busy;
  }

  /** What the last action was refused for. */
  get problem(): ApiError | null {
    return this._problem;
  }

  /** What a field shows. */
  value(name: string): string {
    return this._draft[name]?.text ?? stands(this._card?.content ?? {}, name);
  }

  /** What somebody else wrote into a field that is being typed into. */
  theirs(name: string): string | null {
    return theirs(this._draft, this._card?.content ?? {}, name);
  }

  /** By how many letters a field is too long. */
  excess(name: string): number {
    return excess(name, this.value(name));
  }

  type(name: string, text: string): void {
    this._keep(typed(this._draft, this._card?.content ?? {}, name, text));
    this._problem = null;
    this.emit();
  }

  /** Forget what was typed. */
  revert(): void {
    this._keep({});
    this._conflict = false;
    this._problem = null;
    this.emit();
  }

  async refresh(): Promise<void> {
    const chosen = this._chosen;
    await this.read(async () => {
      const [card, cards] = await Promise.all([
        this.registry.card(this.name, this.number, chosen ?? undefined),
        this.registry.cards(this.name, this.number)
      ]);
      if (chosen === this._chosen) {
        this._cards = cards.items;
        this._take(card);
      }
    });
  }

  /** Save what was typed. */
  async save(): Promise<boolean> {
    const sent = this._draft;
    return this._act(sha256 =>
      this.registry.updateCard(this.name, this.number, { sha256, ...changes(sent) })
    );
  }

  /** Fill it again with what the run, the data and the reports say now. */
  async renew(): Promise<boolean> {
    return this._act(sha256 => this.registry.refreshCard(this.name, this.number, sha256));
  }

  /** Send it to review, with what was typed. */
  async submit(): Promise<boolean> {
    return (
      (!this.dirty || (await this.save())) &&
      this._act(sha256 => this.registry.submitCard(this.name, this.number, sha256))
    );
  }

  /** Take it back from review. */
  async withdraw(): Promise<boolean> {
    return this._act(sha256 => this.registry.withdrawCard(this.name, this.number, sha256));
  }

  async decide(approve: boolean, comment: string): Promise<boolean> {
    return this._act(sha256 =>
      this.registry.decideCard(this.name, this.number, { sha256, approve, comment })
    );
  }

  /** Take a card of SageMaker's as a new draft. */
  async bring(text: string, unreadable: string): Promise<boolean> {
    return this._act(() => {
      let content: unknown;
      try {
        content = JSON.parse(text);
      } catch {
        content = null;
      }
      if (typeof content !== 'object' || content === null || Array.isArray(content)) {
        throw new ApiError(unreadable, 400, 'invalid_input');
      }
      return this.registry.importCard(this.name, this.number, content as Record<string, unknown>);
    });
  }

  protected override concerns(name: string): boolean {
    return name === '*' || name === this.name || name.startsWith(`${this.name}/`);
  }

  private async _act(action: (sha256: string) => Promise<Card>): Promise<boolean> {
    if (!this._card || this._busy) {
      return false;
    }
    this._busy = true;
    this._problem = null;
    this.emit();
    try {
      const card = await action(this._card.sha256);
      this._chosen = null;
      this._conflict = false;
      this._card = card;
      this._keep(rebased(this._draft, card.content));
      await this.refresh();
      return true;
    } catch (reason) {
      this._problem = ApiError.from(reason);
      if (this._problem.status === 409) {
        // What was typed stays; what is there now is shown beside it.
        await this.refresh();
      }
      return false;
    } finally {
      this._busy = false;
      this.emit();
    }
  }

  private _take(card: Card): void {
    const before = this._card;
    this._card = card;
    if (this._chosen === null) {
      this._keep(rebased(this._draft, card.content));
      const moved = before !== null && before.sha256 !== card.sha256;
      this._conflict = this.dirty && (this._conflict || moved);
    }
  }

  private _keep(draft: Draft): void {
    this._draft = draft;
    try {
      if (this.dirty) {
        window.sessionStorage.setItem(this._key, JSON.stringify(draft));
      } else {
        window.sessionStorage.removeItem(this._key);
      }
    } catch {
      // The browser's storage is full or forbidden: the draft then lives as long as its tab.
    }
  }

  private _key: string;
  private _card: Card | null = null;
  private _cards: readonly CardSummary[] = [];
  private _chosen: number | null = null;
  private _draft: Draft;
  private _conflict = false;
  private _busy = false;
  private _problem: ApiError | null = null;
}

function stored(key: string): Draft {
  try {
    return (JSON.parse(window.sessionStorage.getItem(key) ?? '{}') ?? {}) as Draft;
  } catch {
    return {};
  }
}
