/** The mark of a need: each has a shape of its own besides its colour. */
import { svg } from '../../../shared/dashboard/elements.js';
import type { Need } from './fleet-answers.js';

/** Corners of a shape about the origin, within a circle of radius one. */
const SHAPES: Readonly<Record<Need, readonly (readonly [x: number, y: number])[] | 'disc' | 'ring'>> = {
  silent: regular(4, 45),
  losing: regular(4, 0),
  blocked: regular(8, 22.5),
  behind: regular(3, 90),
  alerts: regular(3, -90),
  awaited: cross(0.45),
  none: 'disc',
  disabled: 'ring',
};

export function needMark(need: Need, x: number, y: number, radius: number): SVGElement {
  const shape = SHAPES[need];
  if (typeof shape === 'string') {
    return svg('circle', { class: `mark ${need}`, cx: x, cy: y, r: Math.round(radius * 8) / 10 });
  }
  const points = shape.map(([left, top]) => `${tenth(x + left * radius)},${tenth(y + top * radius)}`).join(' ');
  return svg('polygon', { class: `mark ${need}`, points });
}

/** The mark alone, as large as a letter; words stand beside it. */
export function needIcon(need: Need): SVGElement {
  return svg('svg', { class: 'icon', viewBox: '0 0 20 20', 'aria-hidden': 'true' }, needMark(need, 10, 10, 9));
}

function regular(corners: number, turnDegrees: number): [x: number, y: number][] {
  return Array.from({ length: corners }, (_, n) => {
    const angle = ((turnDegrees + (n * 360) / corners) * Math.PI) / 180;
    return [Math.cos(angle), Math.sin(angle)];
  });
}

/** Four arms, each half as wide as told. */
function cross(half: number): [x: number, y: number][] {
  const arm: [x: number, y: number][] = [
    [half, -half],
    [1, -half],
    [1, half],
  ];
  return [0, 1, 2, 3].flatMap((turns) => arm.map(([x, y]) => turned(x, y, turns)));
}

/** By so many right angles. */
function turned(x: number, y: number, turns: number): [x: number, y: number] {
  return turns === 0 ? [x, y] : turned(-y, x, turns - 1);
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
