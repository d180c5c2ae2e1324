/** Tells every webhook of what was raised and cleared; each has a queue of its own. */
import type { Service } from '../../shared/service.js';
import type { VillageNews } from './alert-watch.js';
import { Webhook, type WebhookCounts, type WebhookOptions } from './webhook.js';
import type { WebhookTarget } from './webhook-settings.js';

export interface WebhooksOptions extends Omit<WebhookOptions, 'target'> {
  targets: readonly WebhookTarget[];
}

export class Webhooks implements Service {
  readonly name = 'webhooks';
  readonly #options: WebhooksOptions;
  #hooks: readonly Webhook[] = [];

  constructor(options: WebhooksOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { targets, ...options } = this.#options;
    this.#hooks = targets.map((target) => new Webhook({ ...options, target }));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#hooks.map((hook) => hook.close()));
  }

  /** True when every address was told of all of it, or has been given up. */
  async tell(news: readonly VillageNews[]): Promise<boolean> {
    const alerts = news.map(({ village, event, id, alert }) => ({ id, event, village, ...alert }));
    return (await Promise.all(this.#hooks.map((hook) => hook.offer(alerts)))).every(Boolean);
  }

  /** Of all of them, alerts since the start. */
  get counts(): WebhookCounts & { queued: number } {
    const sum = { delivered: 0, dropped: 0, queued: 0 };
    for (const { counts, queued } of this.#hooks) {
      sum.delivered += counts.delivered;
      sum.dropped += counts.dropped;
      sum.queued += queued;
    }
    return sum;
  }
}
