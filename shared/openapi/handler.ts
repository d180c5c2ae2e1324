/** `GET /openapi.json`: made at the first request and kept as text. */
import type { RequestHandler } from 'express';
import type { JsonObject } from './schema-book.js';

/** `load` is called once: nothing of the document is in memory before somebody asks for it. */
export function openApiHandler(load: () => Promise<JsonObject>): RequestHandler {
  let text: Promise<string> | undefined;
  return async (_request, response) => {
    text ??= load().then((document) => JSON.stringify(document));
    response.type('application/json').send(await text);
  };
}
