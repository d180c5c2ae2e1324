/** Wheel, drag, pinch and keys on the map. */

export interface MapMoves {
  /** `factor` above one comes closer, about a point of the map. */
  zoom(factor: number, x?: number, y?: number): void;
  /** In pixels. */
  move(rightPx: number, downPx: number): void;
  /** To the next mark to the right, left, below or above: one of the two is 1 or -1. */
  step(right: number, down: number): void;
  open(mark: Element): void;
}

const KEYS: Readonly<Record<string, readonly [right: number, down: number]>> = {
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowDown: [0, 1],
  ArrowUp: [0, -1],
};
const MOVE_PX = 80;
/** A press that moves further is a drag and opens nothing. */
const DRAG_PX = 5;

export function useMapGestures(map: SVGSVGElement, moves: MapMoves): void {
  useWheel(map, moves);
  usePointers(map, moves);
  map.addEventListener('keydown', (event) => {
    const direction = KEYS[event.key];
    if (direction && event.shiftKey) moves.move(-direction[0] * MOVE_PX, -direction[1] * MOVE_PX);
    else if (direction) moves.step(...direction);
    else if (event.key === '+' || event.key === '=') moves.zoom(2);
    else if (event.key === '-') moves.zoom(0.5);
    else if (event.key === 'Enter' || event.key === ' ') {
      const cluster = (event.target as Element).closest('[role="button"]');
      if (!cluster) return;
      moves.open(cluster);
    } else return;
    event.preventDefault();
  });
}

function useWheel(map: SVGSVGElement, moves: MapMoves): void {
  map.addEventListener(
    'wheel',
    (event) => {
      // Without a key the wheel scrolls the page, as everywhere.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      moves.zoom(Math.exp(-event.deltaY / 200), event.offsetX, event.offsetY);
    },
    { passive: false },
  );
}

function usePointers(map: SVGSVGElement, moves: MapMoves): void {
  const pointers = new Map<number, { x: number; y: number }>();
  let travelledPx = 0;
  map.addEventListener('pointerdown', (event) => {
    if (pointers.size === 0) travelledPx = 0;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  map.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    travelledPx += Math.hypot(now.x - before.x, now.y - before.y);
    if (travelledPx < DRAG_PX) return;
    // From now on also outside of the map.
    if (!map.hasPointerCapture(event.pointerId)) map.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, now);
    if (!other) return moves.move(now.x - before.x, now.y - before.y);
    const { left, top } = map.getBoundingClientRect();
    const factor = distance(now, other) / (distance(before, other) || 1);
    moves.zoom(factor, (now.x + other.x) / 2 - left, (now.y + other.y) / 2 - top);
  });
  for (const end of ['pointerup', 'pointercancel'] as const) {
    map.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
  map.addEventListener(
    'click',
    (event) => {
      if (travelledPx >= DRAG_PX) {
        event.preventDefault();
        event.stopPropagation();
        travelledPx = 0;
        return;
      }
      const cluster = (event.target as Element).closest('[role="button"]');
      if (cluster) moves.open(cluster);
    },
    true,
  );
}

function distance(a: { x: number; y: number }, b: { x: number; y: number }): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
