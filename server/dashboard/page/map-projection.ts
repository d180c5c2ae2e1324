/** Places as points of a map: degrees, with longitudes as wide as they are at the map's middle. Pure. */

export interface Place {
  lat: number;
  lon: number;
}

export interface MapView {
  /** The middle. */
  lat: number;
  lon: number;
  /** Degrees of latitude in a pixel. */
  degreesPerPx: number;
  width: number;
  height: number;
}

export interface Cluster<Item> {
  x: number;
  y: number;
  items: Item[];
}

const KM_PER_DEGREE = 111.32;
/** Of a map at its widest and its closest. */
const WIDEST = 0.5;
const CLOSEST = 0.00002;
const MARGIN_PX = 30;
const STEPS = [45, 30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];

/** All places in sight. */
export function viewOfAll(places: readonly Place[], width: number, height: number): MapView {
  const lats = extent(places.map(({ lat }) => lat));
  const lons = extent(places.map(({ lon }) => lon));
  const lat = (lats.low + lats.high) / 2;
  const lon = (lons.low + lons.high) / 2;
  const tall = (lats.high - lats.low) / Math.max(1, height - 2 * MARGIN_PX);
  const wide = ((lons.high - lons.low) * shrink(lat)) / Math.max(1, width - 2 * MARGIN_PX);
  // One village alone is shown with some fifty kilometres around it.
  return { lat, lon, degreesPerPx: limited(Math.max(tall, wide) || 0.001), width, height };
}

export function toPoint({ lat, lon, degreesPerPx, width, height }: MapView, place: Place): { x: number; y: number } {
  return {
    x: width / 2 + ((place.lon - lon) * shrink(lat)) / degreesPerPx,
    y: height / 2 - (place.lat - lat) / degreesPerPx,
  };
}

export function toPlace({ lat, lon, degreesPerPx, width, height }: MapView, x: number, y: number): Place {
  return {
    lat: lat - (y - height / 2) * degreesPerPx,
    lon: lon + ((x - width / 2) * degreesPerPx) / shrink(lat),
  };
}

/** `factor` above one comes closer; the place at the point stays there. */
export function zoomed(view: MapView, factor: number, x = view.width / 2, y = view.height / 2): MapView {
  const fixed = toPlace(view, x, y);
  return withPlaceAt({ ...view, degreesPerPx: limited(view.degreesPerPx / factor) }, fixed, x, y);
}

export function moved(view: MapView, rightPx: number, downPx: number): MapView {
  return withPlaceAt(view, view, view.width / 2 + rightPx, view.height / 2 + downPx);
}

/** How wide a degree of longitude is depends on the middle's latitude: that comes first. */
function withPlaceAt(view: MapView, place: Place, x: number, y: number): MapView {
  const lat = Math.min(85, Math.max(-85, place.lat + (y - view.height / 2) * view.degreesPerPx));
  const lon = place.lon - ((x - view.width / 2) * view.degreesPerPx) / shrink(lat);
  return { ...view, lat, lon: Math.min(180, Math.max(-180, lon)) };
}

/** Lines of the graticule, in degrees, at least `minPx` apart. */
export function graticule(view: MapView, minPx = 70): { stepDegrees: number; lats: number[]; lons: number[] } {
  const stepDegrees = [...STEPS].reverse().find((step) => step / view.degreesPerPx >= minPx) ?? 45;
  const topLeft = toPlace(view, 0, 0);
  const bottomRight = toPlace(view, view.width, view.height);
  return {
    stepDegrees,
    lats: multiples(stepDegrees, Math.max(-90, bottomRight.lat), Math.min(90, topLeft.lat)),
    lons: multiples(stepDegrees, Math.max(-180, topLeft.lon), Math.min(180, bottomRight.lon)),
  };
}

/** A round length of at most `maxPx`. */
export function scaleBar({ degreesPerPx }: MapView, maxPx = 110): { km: number; px: number } {
  const most = degreesPerPx * KM_PER_DEGREE * maxPx;
  const power = 10 ** Math.floor(Math.log10(most));
  const km = (most >= 5 * power ? 5 : most >= 2 * power ? 2 : 1) * power;
  return { km, px: km / (degreesPerPx * KM_PER_DEGREE) };
}

/** Those in sight, gathered where they would cover each other. */
export function clustered<Item>(
  view: MapView,
  items: readonly Item[],
  placeOf: (item: Item) => Place,
  cellPx: number,
): Cluster<Item>[] {
  const cells = new Map<string, Cluster<Item>>();
  for (const item of items) {
    const { x, y } = toPoint(view, placeOf(item));
    if (x < 0 || y < 0 || x > view.width || y > view.height) continue;
    const key = `${Math.floor(x / cellPx)} ${Math.floor(y / cellPx)}`;
    const cell = cells.get(key);
    if (!cell) cells.set(key, { x, y, items: [item] });
    else {
      cell.items.push(item);
      cell.x += (x - cell.x) / cell.items.length;
      cell.y += (y - cell.y) / cell.items.length;
    }
  }
  return [...cells.values()];
}

function multiples(step: number, from: number, to: number): number[] {
  const found: number[] = [];
  for (let n = Math.ceil(from / step); n * step <= to; n++) found.push(Number((n * step).toFixed(6)));
  return found;
}

function extent(values: readonly number[]): { low: number; high: number } {
  return { low: Math.min(...values), high: Math.max(...values) };
}

function shrink(lat: number): number {
  return Math.max(0.05, Math.cos((lat * Math.PI) / 180));
}

function limited(degreesPerPx: number): number {
  return Math.min(WIDEST, Math.max(CLOSEST, degreesPerPx));
}
