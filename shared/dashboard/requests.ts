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
  }).catch(asNoAnswer);
  if (response.status === 401) location.reload();
  if (!response.ok) throw new Refusal(response.status, await sentenceOf(response));
  return response;
}

export async function askJson<Answer>(path: string, asked: Asked = {}): Promise<Answer> {
  return (await ask(path, asked)).json() as Promise<Answer>;
}

/** The lines of an answer as they come; rejects with `NoAnswer` where it breaks off. */
export async function* linesOf({ body }: Response): AsyncGenerator<string> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  const read = () => reader.read().catch(asNoAnswer);
  let text = '';
  try {
    for (let piece = await read(); !piece.done; piece = await read()) {
      const lines = (text + piece.value).split(/\r?\n/);
      text = lines.pop() ?? '';
      yield* lines;
    }
    if (text !== '') yield text;
  } finally {
    // One that broke off cannot be given up.
    await reader.cancel().catch(() => undefined);
  }
}

/** Each browser has words of its own for it, in its own language. */
function asNoAnswer(error: unknown): never {
  throw error instanceof TypeError ? new NoAnswer(error.message) : error;
}

async function sentenceOf(response: Response): Promise<string> {
  const answer = (await response.json().catch(() => undefined)) as { error?: { message?: string } } | undefined;
  return answer?.error?.message ?? `${response.status}`;
}
