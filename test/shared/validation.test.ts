import { parse } from 'node:querystring';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { z } from 'zod';
import type { ErrorDetail } from '../../shared/app-error.js';
import { instantSchema, nameSchema, POSTED_SCHEMAS } from '../../shared/documents.js';
import { type ProblemOptions, problemsOf, sentenceOf } from '../../shared/validation.js';

const placeSchema = z.strictObject({
  id: z.string(),
  lat: z.number().min(-90).max(90).optional(),
  retries: z.int().min(0).max(1000).optional(),
  deadlineS: z.number().positive().lt(60).optional(),
  name: z.string().min(2).max(3).optional(),
  code: z.string().length(2).optional(),
  on: z.boolean().optional(),
  steps: z.array(z.number()).min(1).optional(),
  inner: z.strictObject({ key: z.string() }).optional(),
  rates: z.record(z.string(), z.number()).optional(),
  order: z.enum(['asc', 'desc']).optional(),
  kind: z.literal('village').optional(),
  even: z.number().multipleOf(2).optional(),
  either: z.union([z.string(), z.number()]).optional(),
  pattern: z.string().regex(/a/).optional(),
  at: instantSchema.optional(),
});

function problems(schema: z.ZodType, value: unknown, options?: ProblemOptions): ErrorDetail[] {
  const parsed = schema.safeParse(value);
  return parsed.success ? [] : problemsOf(parsed.error, options);
}

describe('what a schema found wrong', () => {
  const cases: [field: string, value: unknown, message: string][] = [
    ['id', undefined, 'is missing'],
    ['id', 1, 'must be a text'],
    ['id', null, 'must be a text'],
    ['id', ['a', 'b'], 'must be a text'],
    ['lat', 100, 'must be at most 90'],
    ['lat', -91, 'must be at least -90'],
    ['lat', '1', 'must be a number'],
    ['lat', Number.NaN, 'must be a number'],
    ['retries', -1, 'must be at least 0'],
    ['retries', 1.5, 'must be a whole number'],
    ['deadlineS', 0, 'must be more than 0'],
    ['deadlineS', 60, 'must be less than 60'],
    ['name', 'a', 'must have at least 2 characters'],
    ['name', 'abcd', 'must have at most 3 characters'],
    ['code', 'abc', 'must have 2 characters'],
    ['on', 'yes', 'must be a boolean'],
    ['steps', {}, 'must be a list'],
    ['steps', [], 'must have at least 1 item'],
    ['steps.1', [1, 'x'], 'must be a number'],
    ['inner', null, 'must be an object'],
    ['inner.key', {}, 'is missing'],
    ['inner.more', { key: 'a', more: 1 }, 'is not known here'],
    ['rates', [], 'must be an object'],
    ['order', 'up', 'must be one of asc, desc'],
    ['kind', 'town', 'must be village'],
    ['even', 3, 'must be a multiple of 2'],
    ['either', true, 'is not valid'],
    ['pattern', 'b', 'is not valid'],
    ['at', 'today', 'must be an RFC 3339 date-time with an offset, such as 2026-03-01T12:00:00Z'],
  ];
  for (const [path, value, message] of cases) {
    it(`is told of ${path} ${JSON.stringify(value)} as "${message}"`, () => {
      const [field = ''] = path.split('.');
      expect(problems(placeSchema, { id: 'a', [field]: value })).to.deep.equal([{ path, message }]);
    });
  }

  it('is told of the whole without a path', () => {
    for (const value of [[], null, 'x', undefined]) {
      expect(problems(placeSchema, value)).to.deep.equal([{ message: 'is not a JSON object' }]);
    }
    expect(problems(z.array(z.number()), 'x')).to.deep.equal([{ message: 'must be a list' }]);
    expect(problems(POSTED_SCHEMAS.reading, { device: 'm1' })).to.deep.equal([
      { message: 'has no measurement; at least one is needed' },
    ]);
  });

  it('is told key by key where keys are unknown', () => {
    expect(problems(placeSchema, { id: 'a', x: 1, y: 2 })).to.deep.equal([
      { path: 'x', message: 'is not known here' },
      { path: 'y', message: 'is not known here' },
    ]);
    expect(problems(placeSchema, { id: 'a', ['k'.repeat(5000)]: 1 })[0]?.path).to.have.length(129);
  });

  it('is told of a query parameter given twice as that', () => {
    const querySchema = z.strictObject({ device: nameSchema.optional() });
    const query = (text: string) => problems(querySchema, { ...parse(text) }, { isQuery: true });
    expect(query('device=a&device=b')).to.deep.equal([{ path: 'device', message: 'must be given once' }]);
    expect(query('device=a%20b')).to.deep.equal([
      { path: 'device', message: 'must be 1 to 64 letters, digits, ".", "_" or "-"' },
    ]);
    expect(query('device=a')).to.deep.equal([]);
  });

  it('becomes one sentence, with a subject for the whole, bounded', () => {
    const details = [{ path: 'lat', message: 'must be at most 90' }, { message: 'is not a JSON object' }];
    expect(sentenceOf(details)).to.equal('lat must be at most 90; is not a JSON object');
    expect(sentenceOf(details, 'the body')).to.equal('lat must be at most 90; the body is not a JSON object');
    const many = Array.from({ length: 12 }, (_, n) => ({ path: `k${n}`, message: 'is not known here' }));
    expect(sentenceOf(many)).to.match(/^k0 is not known here; .*k9 is not known here; and 2 more$/);
  });
});
