/**
 * What a row of the benchmark is: figures with targets, and a way to measure them once, ours and the peer in one go.
 */

/** A limit that a figure is held against, in each run anew, since the peer is measured anew as well. */
export interface Target {
  /** How it reads in the table, such as `≥ 20,000` or `≥ 0.5 × peer`. */
  text: string;
  kind: 'atLeast' | 'atMost';
  /** The limit in the figure's unit; undefined when it hangs on a peer that was not measured. */
  limit(peer: number | undefined): number | undefined;
}

/** One line of the table. */
export interface Figure {
  /** Stable name in the JSON, such as `import-late`. */
  key: string;
  what: string;
  /** What the peer is; absent when there is none. */
  peer?: string;
  unit: string;
  /** Decimals worth showing. */
  digits: number;
  /** None: the figure is told for what it is. */
  targets: readonly Target[];
  /** Why the peer is ahead, where it is. */
  behind?: string;
  /** Why a limit is missed, where it is, and what was tried. */
  missed?: string;
  /** Where the figure is a point of a line: the plot's id, the line's name, and the place on its x axis. */
  point?: FigurePoint;
  /** The same of the peer. */
  peerPoint?: FigurePoint;
}

export interface FigurePoint {
  plot: 'backlog';
  line: string;
  x: number;
}

/** One figure as measured in one run, in the figure's unit. */
export interface Measured {
  figure: Figure;
  ours: number;
  peer?: number;
}

/** What a row gets for one run. */
export interface RunContext {
  /** An existing folder on the disk to measure; what a row leaves there is removed after all runs. */
  folder: string;
  /** Alternates between runs, so that neither side always comes first. */
  peerFirst: boolean;
  /** Everything shrunk until it says nothing about targets, only that it works. */
  small: boolean;
  /** Where nodes and gateways write CPU profiles when they end, in folders of their own; of this row alone. */
  profileFolder: string | undefined;
  signal: AbortSignal;
  /** A line for the person who waits. */
  say(line: string): void;
}

export interface Row {
  /** As `--only` takes it. */
  name: string;
  figures: readonly Figure[];
  /** Measured in the first run only: minutes paced by a link or a clock, which repeating would not steady. */
  once?: true;
  /** Measures the figures once; one that cannot be measured on this machine is said and left out. */
  measure(context: RunContext): Promise<Measured[]>;
}

export function atLeast(value: number): Target {
  return { text: `≥ ${value.toLocaleString('en-US')}`, kind: 'atLeast', limit: () => value };
}

export function atMost(value: number): Target {
  return { text: `≤ ${value.toLocaleString('en-US')}`, kind: 'atMost', limit: () => value };
}

/** At least a share of what the peer reaches in the same run. */
export function atLeastOfPeer(share: number): Target {
  return {
    text: `≥ ${share} × peer`,
    kind: 'atLeast',
    limit: (peer) => (peer === undefined ? undefined : share * peer),
  };
}

/** At most `base` plus a multiple of the peer's figure in the same run. */
export function atMostAbovePeer(base: number, factor: number): Target {
  return {
    text: `≤ ${base} + ${factor} × peer`,
    kind: 'atMost',
    limit: (peer) => (peer === undefined ? undefined : base + factor * peer),
  };
}

/** Runs both sides one after the other, in the order of this run. */
export async function inTurn<O, P>(
  { peerFirst }: RunContext,
  measureOurs: () => Promise<O>,
  measurePeer: () => Promise<P>,
): Promise<{ ours: O; peer: P }> {
  if (peerFirst) {
    const peer = await measurePeer();
    return { ours: await measureOurs(), peer };
  }
  const ours = await measureOurs();
  return { ours, peer: await measurePeer() };
}
