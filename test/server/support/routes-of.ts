/** The routes of a running centre, read from the very router that answers its requests. */
import diagnostics from 'node:diagnostics_channel';
import type http from 'node:http';

export interface FoundRoute {
  /** With its parameters: `/v1/villages/:id`. */
  path: string;
  /** As given to the router; `*` stands for a handler of all. */
  methods: string[];
}

export interface FoundRoutes {
  routes: FoundRoute[];
  /** Paths below which there is a handler that is neither a route nor a router. */
  middleware: string[];
}

interface Layer {
  rawPath: unknown;
  route?: { _methods(): string[] };
  handle: { stack?: Layer[] };
}

/** Asks the server at `url` once, and takes the application from the server that was asked. */
export async function routesOf(url: string): Promise<FoundRoutes> {
  const mark = `routes-${Math.random()}`;
  let server: http.Server | undefined;
  const onRequest = (message: unknown) => {
    const seen = message as { request: http.IncomingMessage; server: http.Server };
    if (seen.request.headers['x-mark'] === mark) server = seen.server;
  };
  diagnostics.subscribe('http.server.request.start', onRequest);
  try {
    await (await fetch(`${url}/healthz`, { headers: { 'X-Mark': mark } })).arrayBuffer();
  } finally {
    diagnostics.unsubscribe('http.server.request.start', onRequest);
  }
  const found: FoundRoutes = { routes: [], middleware: [] };
  const [handler] = server?.listeners('request') ?? [];
  const stack = (handler as { router?: { stack?: Layer[] } } | undefined)?.router?.stack;
  if (!stack) throw new Error('the application behind the server was not found');
  collect(stack, '', found);
  return found;
}

function collect(stack: readonly Layer[], prefix: string, found: FoundRoutes): void {
  for (const { rawPath, route, handle } of stack) {
    if (typeof rawPath !== 'string') throw new Error(`a route below ${prefix}/ is not named by a text`);
    const path = (prefix + rawPath).replace(/(?<=.)\/$/, '') || '/';
    if (route) found.routes.push({ path, methods: route._methods() });
    else if (handle.stack) collect(handle.stack, path === '/' ? '' : path, found);
    else found.middleware.push(path);
  }
}
