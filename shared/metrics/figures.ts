/**
 * Figures in Prometheus' text format that are read from where they are counted, at the time of asking.
 *
 * Names follow Prometheus' conventions: base units in the name (`_seconds`, `_bytes`), `_total` for what only grows since
 * the start. Labels come from bounded sets: that is the part of whoever gives them.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export type LabelledValue = readonly [labels: Readonly<Record<string, string>>, value: number];
/** Of one read together; a figure that cannot be told now is undefined and left out. */
type Read = () => number | undefined | Promise<number | undefined>;

export class FigureSet {
  readonly #registry: Registry;
  readonly #prefix: string;

  /** `prefix`: `solar_edge_`, say. */
  constructor(registry: Registry, prefix: string) {
    this.#registry = registry;
    this.#prefix = prefix;
  }

  gauge(name: string, help: string, read: Read): void {
    const gauge: Gauge = new Gauge({
      ...this.#named(name, help),
      collect: async () => {
        const value = await read();
        if (value === undefined) gauge.remove();
        else gauge.set(value);
      },
    });
  }

  /** `name` ends in `_total`. */
  counter(name: string, help: string, read: () => number): void {
    const counter: Counter = new Counter({
      ...this.#named(name, help),
      collect: () => {
        counter.reset();
        counter.inc(read());
      },
    });
  }

  gauges(name: string, help: string, labelNames: readonly string[], read: () => Iterable<LabelledValue>): void {
    const gauge: Gauge<string> = new Gauge<string>({
      ...this.#named(name, help),
      labelNames,
      collect: () => {
        gauge.reset();
        for (const [labels, value] of read()) gauge.set(labels, value);
      },
    });
  }

  counters(name: string, help: string, labelNames: readonly string[], read: () => Iterable<LabelledValue>): void {
    const counter: Counter<string> = new Counter<string>({
      ...this.#named(name, help),
      labelNames,
      collect: () => {
        counter.reset();
        for (const [labels, value] of read()) counter.inc(labels, value);
      },
    });
  }

  /** A figure that is 1 for those of several words that hold, and 0 for the others. */
  choice<T extends string>(name: string, label: string, help: string, read: () => Record<T, boolean>): void {
    this.gauges(name, help, [label], () =>
      Object.entries(read()).map(([word, isSo]): LabelledValue => [{ [label]: word }, Number(isSo)]),
    );
  }

  histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ ...this.#named(name, help), buckets });
  }

  #named(name: string, help: string) {
    return { name: this.#prefix + name, help, registers: [this.#registry] };
  }
}
