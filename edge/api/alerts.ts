/** `GET /v1/alerts`: those that are open now, and the last hundred that have gone. */
import type { RequestHandler } from 'express';
import { refuseParameters } from '../../shared/http/registry-requests.js';
import type { Alert, ClearedAlert } from '../monitor/alerts/alert.js';
import type { NodeParts } from '../node-parts.js';
import { statusOf } from './status.js';

export interface AlertList {
  items: Alert[];
  /** The last one cleared first. */
  history: readonly ClearedAlert[];
}

export function getAlerts(parts: NodeParts): RequestHandler {
  return async (request, response) => {
    refuseParameters(request.query);
    const { alerts: items } = await statusOf(parts);
    const list: AlertList = { items, history: parts.alertBook.history };
    response.json(list);
  };
}
