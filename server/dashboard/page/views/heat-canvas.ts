/** Draws the rows of the heat map that are in sight, and tells which cell lies at a point. */
import type { HeatCell, HeatRow } from '../heat-cells.js';

export const ROW_HEIGHT = 18;
export const HEAD_HEIGHT = 20;
/** Labels are about this far apart. */
const LABEL_EVERY_PX = 56;
const MAX_NAME_PX = 150;

export interface HeatGeometry {
  /** Of the box, in CSS pixels. */
  width: number;
  height: number;
  /** How far it is scrolled. */
  top: number;
  columns: number;
}

export interface HeatDrawing {
  rows: readonly HeatRow[];
  nameOf(village: string): string;
  dayLabel(day: string): string;
  chosen: { row: number; column: number } | undefined;
}

interface Paint {
  text: string;
  quiet: string;
  whole: string;
  missing: string;
  unknown: string;
  chosen: string;
}

export function drawHeat(canvas: HTMLCanvasElement, geometry: HeatGeometry, drawing: HeatDrawing): void {
  const { width, height, top, columns } = geometry;
  if (width === 0 || height === 0 || columns === 0) return;
  const scale = devicePixelRatio;
  const [pixelsWide, pixelsHigh] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== pixelsWide) canvas.width = pixelsWide;
  if (canvas.height !== pixelsHigh) canvas.height = pixelsHigh;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  if (!context) return;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = '12px system-ui, sans-serif';
  context.textBaseline = 'middle';
  const paint = paintOf(canvas);
  const first = Math.floor(top / ROW_HEIGHT);
  const last = Math.min(drawing.rows.length, Math.ceil((top + height - HEAD_HEIGHT) / ROW_HEIGHT));
  context.save();
  context.beginPath();
  context.rect(0, HEAD_HEIGHT, width, height - HEAD_HEIGHT);
  context.clip();
  for (let row = first; row < last; row++) {
    const heatRow = drawing.rows[row];
    if (heatRow) drawRow(context, { ...geometry, paint, y: HEAD_HEIGHT + row * ROW_HEIGHT - top }, heatRow, drawing);
  }
  drawChosen(context, geometry, drawing, paint);
  context.restore();
  drawHead(context, geometry, drawing, paint);
}

/** The cell at a point of the canvas; undefined beside them. */
export function placeAt(
  geometry: HeatGeometry,
  { x, y }: { x: number; y: number },
  rows: number,
): { row: number; column: number } | undefined {
  const column = Math.floor((x - nameWidth(geometry)) / cellWidth(geometry));
  const row = Math.floor((y - HEAD_HEIGHT + geometry.top) / ROW_HEIGHT);
  const isInside = y >= HEAD_HEIGHT && row < rows && column >= 0 && column < geometry.columns;
  return isInside ? { row, column } : undefined;
}

function nameWidth({ width }: HeatGeometry): number {
  return Math.min(MAX_NAME_PX, width * 0.28);
}

function cellWidth(geometry: HeatGeometry): number {
  return (geometry.width - nameWidth(geometry)) / geometry.columns;
}

function drawRow(
  context: CanvasRenderingContext2D,
  geometry: HeatGeometry & { paint: Paint; y: number },
  { village, cells }: HeatRow,
  { nameOf }: HeatDrawing,
): void {
  const { paint, y } = geometry;
  context.fillStyle = paint.text;
  context.fillText(shortened(context, nameOf(village), nameWidth(geometry) - 6), 0, y + ROW_HEIGHT / 2);
  const width = cellWidth(geometry);
  cells.forEach((cell, column) => {
    drawCell(context, cell, { x: nameWidth(geometry) + column * width, y, width }, paint);
  });
}

function drawCell(
  context: CanvasRenderingContext2D,
  { readings, missing, missingShare }: HeatCell,
  { x, y, width: full }: { x: number; y: number; width: number },
  paint: Paint,
): void {
  const width = Math.max(1, full - 1);
  const height = ROW_HEIGHT - 2;
  if (missingShare === undefined) {
    if (readings === 0) return;
    context.fillStyle = paint.unknown;
    context.fillRect(x, y + 1, width, height);
  } else {
    context.fillStyle = paint.whole;
    context.fillRect(x, y + 1, width, height);
    context.fillStyle = paint.missing;
    // However little is missing of a day, it is seen.
    const filled = missingShare < 0.02 ? 0 : Math.max(3, Math.round(missingShare * height));
    context.fillRect(x, y + 1, width, filled);
  }
  if (missing === 0) return;
  context.fillStyle = paint.text;
  context.fillRect(x + width / 2 - 1.5, y + ROW_HEIGHT - 6, 3, 3);
}

function drawChosen(context: CanvasRenderingContext2D, geometry: HeatGeometry, { chosen }: HeatDrawing, paint: Paint) {
  if (!chosen) return;
  const width = cellWidth(geometry);
  const y = HEAD_HEIGHT + chosen.row * ROW_HEIGHT - geometry.top;
  context.strokeStyle = paint.chosen;
  context.lineWidth = 2;
  context.strokeRect(nameWidth(geometry) + chosen.column * width, y + 1, Math.max(2, width - 1), ROW_HEIGHT - 2);
}

function drawHead(
  context: CanvasRenderingContext2D,
  geometry: HeatGeometry,
  { rows, dayLabel }: HeatDrawing,
  paint: Paint,
): void {
  const width = cellWidth(geometry);
  const every = Math.max(1, Math.ceil(LABEL_EVERY_PX / width));
  context.fillStyle = paint.quiet;
  // Counted from the last day, which is today.
  for (let column = geometry.columns - 1; column >= 0; column -= every) {
    const day = rows[0]?.cells[column]?.day;
    if (day === undefined) continue;
    const label = dayLabel(day);
    const right = nameWidth(geometry) + (column + 1) * width;
    context.fillText(label, Math.max(0, right - context.measureText(label).width), HEAD_HEIGHT / 2);
  }
}

function shortened(context: CanvasRenderingContext2D, text: string, maxPx: number): string {
  if (context.measureText(text).width <= maxPx) return text;
  let length = Math.min(text.length, Math.ceil(maxPx / 3));
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > maxPx) length--;
  return `${text.slice(0, length)}…`;
}

function paintOf(canvas: HTMLCanvasElement): Paint {
  const style = getComputedStyle(canvas);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    ...{ text: of('--text'), quiet: of('--quiet'), whole: of('--whole') },
    ...{ missing: of('--bad'), unknown: of('--line'), chosen: of('--accent') },
  };
}
