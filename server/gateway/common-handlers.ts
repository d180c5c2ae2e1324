/** What the replication endpoints of every database have before and behind them. */
import type { RequestHandler, Response } from 'express';
import { AppError } from '../../shared/app-error.js';
import { villageOf } from '../roles.js';
import type { GatewayContext } from './gateway-context.js';

/** What is noted of a request whose connection ended before its answer was out. */
const NOT_ANSWERED = 499;

/** Notes the village's request when it has been answered, or is not going to be. */
export function noteContact({ contacts }: GatewayContext): RequestHandler {
  return (_request, response, next) => {
    if (response.locals.caller?.role === 'village') {
      const village = villageOf(response);
      const note = () => {
        const status = response.writableFinished ? response.statusCode : statusUnanswered(response);
        // A missing checkpoint (404) is an answer as good as any.
        contacts.note(village, { succeeded: status < 400 || status === 404, documents: false, status });
      };
      // Gone while it was found out who is asking: nothing would tell of its end any more.
      if (response.destroyed) note();
      else response.once('close', note);
    }
    next();
  };
}

export function onlyMethods(...allowed: string[]): RequestHandler {
  return (_request, response, next) => {
    response.set('Allow', allowed.join(', '));
    next(new AppError('method_not_allowed', `Only ${allowed.join(',')} allowed`));
  };
}

/** Whoever waits for a change may go at any time, and has got what it asked for. */
function statusUnanswered(response: Response): number {
  return response.locals.isWaiting === true ? 200 : NOT_ANSWERED;
}
