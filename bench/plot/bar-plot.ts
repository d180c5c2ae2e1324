/** Bars of ratios on a logarithmic scale, growing to either side of 1, each with the mark of its target. */
import { scaleOf, tickText } from './scale.js';
import { element, escaped, line, picture, textAt } from './svg.js';

export interface Bar {
  label: string;
  /** Behind the label, less prominent. */
  note?: string;
  /** Above 0. */
  value: number;
  /** In the same terms as the value. */
  target?: number;
  /** False: the target is missed, and the bar's value says so. */
  met?: boolean;
}

export interface BarPlot {
  title: string;
  description: string;
  axis: string;
  bars: readonly Bar[];
}

const WIDTH = 860;
const LEFT = 16;
/** Room for a value behind the longest bar. */
const RIGHT = WIDTH - 84;
const TOP = 84;
const PITCH = 40;
const THICKNESS = 12;
/** What fits on a line above a bar. */
const MAX_CHARS = 122;

/** The SVG file. */
export function barPlot({ title, description, axis, bars }: BarPlot): string {
  const values = bars.flatMap(({ value, target }) => (target === undefined ? [value] : [value, target]));
  const scale = scaleOf('log', [1, ...values], LEFT + 40, RIGHT);
  const bottom = TOP + bars.length * PITCH;
  const parts = [
    textAt(LEFT, 48, axis, { class: 'dim' }),
    ...scale.ticks.flatMap((tick) => [
      line(scale.at(tick), TOP - 8, scale.at(tick), bottom, tick === 1 ? 'axis' : 'grid'),
      textAt(scale.at(tick), TOP - 14, `${tickText(tick)} ×`, { class: 'dim', 'text-anchor': 'middle' }),
    ]),
    ...bars.flatMap((bar, i) => barAt(bar, TOP + i * PITCH, scale.at)),
  ];
  return picture({ width: WIDTH, height: bottom + 16, title, description }, parts);
}

function barAt({ label, note, value, target, met }: Bar, top: number, at: (value: number) => number): string[] {
  const [from, to] = [at(Math.min(1, value)), at(Math.max(1, value))];
  const barTop = top + 20;
  const told = value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
  const isMissed = met === false;
  const behind = Math.max(to, at(1), target === undefined ? 0 : at(target)) + 8;
  return [
    element(
      'text',
      { x: LEFT, y: top + 14 },
      element('tspan', {}, escaped(label)),
      ...(note === undefined
        ? []
        : [element('tspan', { class: 'dim', dx: 8 }, escaped(shortened(note, MAX_CHARS - label.length)))]),
    ),
    element('rect', {
      x: from,
      y: barTop,
      width: Math.max(to - from, 1),
      height: THICKNESS,
      class: value < 1 ? 'f1' : 'f0',
    }),
    ...(target === undefined ? [] : [line(at(target), barTop - 3, at(target), barTop + THICKNESS + 3, 'target')]),
    textAt(behind, barTop + 10, `${told} ×${isMissed ? ', missed' : ''}`, isMissed ? { class: 'bad' } : {}),
  ];
}

function shortened(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars - 1).trimEnd()}…`;
}
