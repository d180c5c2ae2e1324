/**
 * What the registry's `threshold` documents come to: rules that can be applied, and documents that cannot.
 *
 * A document may come from a newer program, or be the merge of two edits of which each was right: what makes no sense is
 * ignored and told, never guessed at.
 */
import type { RegistryView } from '../../../shared/registry/registry-view.js';

export interface ThresholdRule {
  /** Of the registry document. */
  readonly id: string;
  /** Every device unless given. */
  readonly device: string | undefined;
  readonly field: string;
  /** A value is beyond where it is less than `low` or more than `high`; one of them is there. */
  readonly low: number | undefined;
  readonly high: number | undefined;
  /** Milliseconds, by the readings' own times, for which every reading must be beyond. */
  readonly forMs: number;
}

export interface IgnoredThreshold {
  id: string;
  /** Goes on after "the threshold <id> is not applied: ". */
  reason: string;
  /** Of the edit that made it so. */
  since: string;
}

export interface ThresholdRules {
  rules: ThresholdRule[];
  ignored: IgnoredThreshold[];
}

export type Bound = 'low' | 'high';

export interface Breach {
  bound: Bound;
  limit: number;
}

/** Which limit a value is beyond, if any. */
export function breachOf({ low, high }: ThresholdRule, value: number): Breach | undefined {
  if (high !== undefined && value > high) return { bound: 'high', limit: high };
  if (low !== undefined && value < low) return { bound: 'low', limit: low };
  return undefined;
}

export function rulesOf(views: readonly RegistryView[]): ThresholdRules {
  const rules: ThresholdRule[] = [];
  const ignored: IgnoredThreshold[] = [];
  for (const view of views) {
    const made = ruleOf(view);
    if (typeof made === 'string') ignored.push({ id: view.id, reason: made, since: view.editedAt });
    else rules.push(made);
  }
  return { rules, ignored };
}

/** The rule of a document, or why there is none. */
function ruleOf(view: RegistryView): ThresholdRule | string {
  const { id, device, field, low, high, forS = 0 } = view;
  if (typeof field !== 'string') return 'field is not a text';
  if (device !== undefined && typeof device !== 'string') return 'device is not a text';
  if (!isLimit(low)) return 'low is not a number';
  if (!isLimit(high)) return 'high is not a number';
  if (typeof forS !== 'number' || !(forS >= 0)) return 'forS is not a number of seconds';
  if (low === undefined && high === undefined) return 'it has neither low nor high';
  if (low !== undefined && high !== undefined && low >= high) return `low (${low}) is not less than high (${high})`;
  return { id, device, field, low, high, forMs: forS * 1000 };
}

function isLimit(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value));
}
