/** Schemas of what the centre answers about all villages over time: completeness by day, contacts by hour. */
import { z } from 'zod';
import { count, describing, instant } from '../../shared/openapi/answers.js';
import type { VillageCompleteness } from '../analyst/completeness.js';
import type { ContactsView } from '../analyst/contact-routes.js';

const some = z.exactOptional(count);

const completenessItemSchema = describing<VillageCompleteness>()(
  z.object({
    village: z.string(),
    typicalPerDay: count
      .nullable()
      .describe(
        'What a whole day usually holds: nine of ten days with readings hold no more; `null` where fewer than 3 tell',
      ),
    undated: some.describe('Missing numbers of which no day is known'),
    days: z
      .array(
        z.object({
          day: z.string(),
          readings: count.describe('Held, by their own time'),
          missing: count
            .nullable()
            .describe('Numbers given that day that are not held; `null` where that is not known now'),
        }),
      )
      .describe('Every day asked for'),
  }),
);

export const completenessSchema = z.object({
  from: z.string(),
  to: z.string(),
  items: z.array(completenessItemSchema),
});

export const contactsSchema = describing<ContactsView>()(
  z.object({
    village: z.string(),
    from: instant,
    to: instant,
    items: z
      .array(
        z.object({
          hour: instant.describe('When it begins'),
          succeeded: count.describe('Requests that got what they asked for'),
          failed: count.describe('The others, refused logins in its name included'),
        }),
      )
      .describe('Every hour of it, silent ones included'),
  }),
);

export const FLEET_SCHEMAS = { Completeness: completenessSchema, Contacts: contactsSchema } as const;
