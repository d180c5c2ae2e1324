/** A village's node with fetch. NODE is where it answers, TOKEN its EDGE_TOKEN where it has one. */
import { setTimeout as sleep } from 'node:timers/promises';

const NODE = process.env.NODE ?? 'http://127.0.0.1:8080';
const TOKEN = process.env.TOKEN;

interface Reading {
  device: string;
  /** RFC 3339. Given, so that sending again is safe. */
  at: string;
  [measurement: string]: string | number | boolean;
}

interface Taken {
  accepted: number;
  duplicates: number;
  lastSeq: number;
}

class Refused extends Error {
  readonly status: number;
  readonly retryAfterS: number | undefined;

  constructor(status: number, message: string, retryAfterS: number | undefined) {
    super(message);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

/** Throws `Refused` with the node's sentence, and what fetch throws where no answer came. */
async function ask(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  const response = await fetch(NODE + path, {
    method,
    headers: {
      ...headers,
      ...(TOKEN === undefined ? {} : { Authorization: `Bearer ${TOKEN}` }),
      ...(body ? { 'Content-Type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (response.ok) return response;
  const { error } = (await response.json()) as { error: { message: string } };
  const retryAfter = response.headers.get('retry-after');
  throw new Refused(response.status, error.message, retryAfter === null ? undefined : Number(retryAfter));
}

/** Sends until the node has them on its disk; what is refused for what it is (4xx) is not sent again. */
export async function postReadings(readings: readonly Reading[], tries = 8): Promise<Taken> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await ask('POST', '/v1/readings', readings as object);
      return (await response.json()) as Taken;
    } catch (error) {
      const isFinal = error instanceof Refused && ![429, 503, 507].includes(error.status);
      if (isFinal || attempt === tries) throw error;
      await sleep(1000 * ((error instanceof Refused ? error.retryAfterS : undefined) ?? attempt));
    }
  }
}

/** Has everything delivered; resolves with the last line. */
export async function replicate(limits: {
  deadlineS?: number;
}): Promise<{ ok: boolean; sent: number; pending: number }> {
  const response = await ask('POST', '/v1/replicate', limits);
  const lines = (await response.text()).trim().split('\n');
  return JSON.parse(lines.at(-1) ?? '{}') as { ok: boolean; sent: number; pending: number };
}

/** Edits a registry document, again where somebody else was quicker; makes it where there is none. */
export async function edit(path: string, change: (document: object) => object): Promise<object> {
  for (;;) {
    const there = await ask('GET', path).catch((error: unknown) => {
      if (error instanceof Refused && error.status === 404) return undefined;
      throw error;
    });
    const document = there ? ((await there.json()) as object) : {};
    const etag = there?.headers.get('etag');
    try {
      const response = await ask('PUT', path, change(document), etag ? { 'If-Match': etag } : {});
      return (await response.json()) as object;
    } catch (error) {
      if (!(error instanceof Refused && [412, 428].includes(error.status))) throw error;
    }
  }
}

const print = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

print(
  await postReadings([
    { device: 'meter-7', at: '2026-03-01T12:00:00Z', powerW: 412.5, energyKwh: 1830.25 },
    { device: 'meter-8', at: '2026-03-01T12:00:00Z', powerW: 77 },
  ]),
);
print(await (await ask('GET', '/v1/readings?device=meter-7&order=desc&limit=1')).json());
print(await (await ask('GET', '/v1/status')).json());
print(await replicate({ deadlineS: 60 }));
const fields = { model: 'DDS-353', serial: '24-0117', role: 'customer', phase: 2 };
print(await edit('/v1/registry/device/meter-7', (device) => ({ ...device, ...fields })));
