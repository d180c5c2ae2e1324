/** What `check` and `repair` have in common: the node's lines as text for people, and the exit code. */
import type { Command } from 'commander';
import { AppError } from '../../shared/app-error.js';
import { EXIT, print, printError } from '../../shared/cli.js';
import type { CheckDoneLine, CheckLine, RepairedLine, SegmentLine } from '../api/check.js';
import { countNumbers, type NumberRange } from '../ledger/number-ranges.js';
import { openEdge } from './edge-access.js';

const RANGES_SHOWN = 5;

/** Has the node do it, prints what it says as it comes, and sets the exit code. */
export async function runCheck(command: Command, path: '/v1/check' | '/v1/repair'): Promise<void> {
  const { json = false } = command.opts<{ json?: boolean }>();
  const done = await openEdge(command, async (client) => {
    for await (const line of client.lines<CheckLine>(path, { method: 'POST' })) {
      if (json) print(JSON.stringify(line));
      else for (const text of textOf(line)) print(text);
      if (line.event === 'done') return line;
    }
    throw new AppError('unavailable', `the node at ${client.url} ended without saying what it found`);
  });
  if (done.error) printError(`error: ${done.error.message}`);
  process.exitCode = done.ok ? EXIT.ok : EXIT.unfinished;
}

/** Nothing for what is in order. */
function textOf(line: CheckLine): string[] {
  if (line.event === 'segment') return segmentText(line);
  if (line.event === 'repaired') return [repairedText(line)];
  if (line.event === 'done') return [summary(line)];
  const { state, quarantine } = line;
  return [
    ...(state === 'readable' ? [] : [`state: ${state}`]),
    ...(quarantine === 'readable' ? [] : [`quarantine: ${quarantine}`]),
  ];
}

function segmentText({ segment, node, damaged, missing, lost, elsewhere }: SegmentLine): string[] {
  const findings = [
    ...damaged,
    ...ranges(missing, 'missing'),
    ...ranges(lost, 'lost, counted before'),
    ...ranges(elsewhere, 'not here any more, but delivered, void or in quarantine'),
  ];
  return findings.length === 0 ? [] : [`segment ${segment} (node ${node}): ${findings.join('; ')}`];
}

function repairedText({ segment, kept, lost, damaged, ok }: RepairedLine): string {
  const text = `segment ${segment} repaired: ${count(kept, 'document')} kept, ${number(countNumbers(lost))} lost`;
  const which = lost.length === 0 ? '' : ` (${list(lost)})`;
  return `${text}${which}${ok ? '' : `; still damaged: ${damaged.join('; ')}`}`;
}

function summary({ ok, segments, documents, damaged, missing, lost, repaired, error }: CheckDoneLine): string {
  const looked = `${count(segments, 'segment')} with ${count(documents, 'whole document')}`;
  const parts = [
    ...(damaged > 0 ? [`${number(damaged)} damaged`] : []),
    ...(repaired === undefined || repaired === 0 ? [] : [`${number(repaired)} repaired`]),
    ...(missing > 0 ? [`${count(missing, 'number')} missing`] : []),
    ...(lost > 0 ? [`${count(lost, 'number')} counted as lost`] : []),
  ];
  const verdict = error ? 'Not finished' : ok ? 'Everything is sound' : 'Not everything is sound';
  return `${verdict}: ${[looked, ...parts].join(', ')}.`;
}

function ranges(found: readonly NumberRange[], what: string): string[] {
  return found.length === 0 ? [] : [`${count(countNumbers(found), 'number')} ${what} (${list(found)})`];
}

function list(found: readonly NumberRange[]): string {
  const shown = found.slice(0, RANGES_SHOWN).map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`));
  return [...shown, ...(found.length > RANGES_SHOWN ? ['…'] : [])].join(', ');
}

function count(n: number, noun: string): string {
  return `${number(n)} ${noun}${n === 1 ? '' : 's'}`;
}

function number(n: number): string {
  return n.toLocaleString('en-US');
}
