/** What pages about the fleet ask beside the villages themselves. */
import type { Operation } from '../../shared/openapi/operation.js';
import { contactsQuerySchema } from '../analyst/contact-routes.js';
import { daysQuerySchema } from '../analyst/days-query.js';
import { completenessSchema, contactsSchema } from './fleet-answers.js';
import { found } from './village-operations.js';

export const fleetOperations: readonly Operation[] = [
  {
    ...{ id: 'getCompleteness', method: 'get', path: '/v1/completeness', tag: 'telemetry', access: 'readers' },
    summary: 'How many readings of each day are held, and how many numbers are missing, of all villages or of one',
    query: daysQuerySchema,
    answers: found('Every village with every day', completenessSchema),
    errors: ['invalid_request', 'not_found'],
    examples: {
      days: {
        query: { from: '2026-03-01', to: '2026-03-03', village: 'bamenda' },
        answer: {
          ...{ from: '2026-03-01', to: '2026-03-03' },
          items: [
            {
              ...{ village: 'bamenda', typicalPerDay: null },
              days: [
                { day: '2026-03-01', readings: 96, missing: 0 },
                { day: '2026-03-02', readings: 0, missing: 0 },
              ],
            },
          ],
        },
      },
    },
  },
  {
    ...{ id: 'villageContacts', method: 'get', path: '/v1/villages/:id/contacts', tag: 'villages', access: 'readers' },
    summary: 'How many requests of a village succeeded and failed, by hour, of the last month',
    query: contactsQuerySchema,
    answers: found('Every hour asked for that is kept', contactsSchema),
    errors: ['invalid_request', 'not_found'],
    examples: {
      day: {
        query: { from: '2026-03-01T12:00:00Z', to: '2026-03-01T14:00:00Z' },
        answer: {
          ...{ village: 'bamenda', from: '2026-03-01T12:00:00.000Z', to: '2026-03-01T14:00:00.000Z' },
          items: [
            { hour: '2026-03-01T12:00:00.000Z', succeeded: 14, failed: 1 },
            { hour: '2026-03-01T13:00:00.000Z', succeeded: 0, failed: 0 },
          ],
        },
      },
    },
  },
];
