/** `ALERT_WEBHOOKS`: addresses to tell of alerts, with what may stand in them taken apart. */
import { z } from 'zod';

export interface WebhookTarget {
  /** Without user and password. */
  url: string;
  /** Value of the `Authorization` header, where the address had a user. */
  authorization?: string;
  /** For logs: what comes behind the host of such an address is often a secret. */
  host: string;
}

const MAX_TARGETS = 10;

/** Separated by commas or blanks. */
export const webhookTargets: z.ZodType<WebhookTarget[], string> = z.string().transform((text, context) => {
  const targets = text.split(/[\s,]+/).flatMap((one) => (one === '' ? [] : [targetOf(one)]));
  const found = targets.filter((target) => target !== undefined);
  if (found.length === targets.length && found.length <= MAX_TARGETS) return found;
  context.addIssue({
    code: 'custom',
    message: `must be at most ${MAX_TARGETS} addresses such as https://alerts.example/hook, separated by commas`,
  });
  return z.NEVER;
});

function targetOf(text: string): WebhookTarget | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  const credentials = credentialsOf(url);
  url.username = '';
  url.password = '';
  url.hash = '';
  const authorization = credentials && `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`;
  return { url: url.href, host: url.host, ...(authorization === undefined ? {} : { authorization }) };
}

function credentialsOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return `${username}:${password}`;
  }
}
