import type { PowerInterface } from '../interfaces.ts';
import { webhookPower } from './power.ts';

export type WebhookDriver = { readonly power: PowerInterface };

export function createWebhookDriver(): WebhookDriver {
  return { power: webhookPower };
}
