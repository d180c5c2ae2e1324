/** A page's requests to its program. */
import { NoAnswer } from './no-answer.js';

export interface Asked {
  method?: string;
  /** Sent as JSON. */
  body?: object;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** An answer that is a failure, in the program's own words. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Rejects with a `Refusal` or `NoAnswer`; without a login any more the page is loaded anew, which shows it. */
export async function ask(path: string, { method = 'GET', body, headers = {}, signal }: Asked = {}): Promise<Response> {
  const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const response = await fetch(path, {
    ...{ method, headers: { 'X-Requested-With': 'dashboard', ...json, ...headers }, signal: signal ?? null },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    // Each browser has words of its own for it, in its own language.
    throw error instanceof TypeError ? new NoAnswer(error.message) : error;
  });
  if (response.status === 401) location.reload();
  if (!response.ok) throw new Refusal(response.status, await sentenceOf(response));
  return response;
}

export async function askJson<Answer>(path: string, asked: Asked = {}): Promise<Answer> {
  return (await ask(path, asked)).json() as Promise<Answer>;
}

async function sentenceOf(response: Response): Promise<string> {
  const answer = (await response.json().catch(() => undefined)) as { error?: { message?: string } } | undefined;
  return answer?.error?.message ?? `${response.status}`;
}
