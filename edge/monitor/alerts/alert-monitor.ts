/**
 * What a person should know now: each alert is raised once, keeps the time it began, over restarts too, and is cleared
 * when its reason has gone.
 */
import { formatInstant, parseInstant } from '../../../shared/time.js';
import type { Alert, AlertCode } from './alert.js';
import { type AlertInputs, type AlertThresholds, type Finding, type Findings, findingsOf } from './alert-findings.js';

/** When a reason was first seen, by both clocks, and the alert it became. */
interface Beginning {
  wallMs: number;
  monotonicMs: number;
  raised?: Alert;
}

/** Clocks that have grown apart by more: the wall clock was set. */
const SET_MS = 60_000;
/** A repair is told of for so long: nothing else ends it. */
const REPAIRED_MS = 86_400_000;

export class AlertMonitor {
  readonly #thresholds: AlertThresholds;
  readonly #beginnings = new Map<AlertCode, Beginning>();
  #repairs = 0;
  #repairedMs = Number.NEGATIVE_INFINITY;

  constructor(thresholds: AlertThresholds) {
    this.#thresholds = thresholds;
  }

  /** Goes on from the alerts that were open when the node last stopped; to be called before the first `evaluate`. */
  restore(alerts: readonly Alert[], nowMs: number, monotonicMs: number): void {
    for (const alert of alerts) {
      // Series keep theirs themselves.
      if (alert.code === 'threshold') continue;
      const wallMs = parseInstant(alert.since) ?? nowMs;
      const beganMs = monotonicMs - Math.max(0, nowMs - wallMs);
      this.#beginnings.set(alert.code, { wallMs, monotonicMs: beganMs, raised: alert });
      if (alert.code === 'repaired') this.#repairedMs = beganMs;
    }
  }

  /**
   * The alerts at a moment; must be asked regularly, since a reason's beginning is when it was first seen. How long
   * that is ago is told by the monotonic clock: a wall clock that is set neither raises an alert nor keeps it back.
   */
  evaluate(inputs: AlertInputs, nowMs: number, monotonicMs = nowMs): Alert[] {
    const findings = findingsOf(inputs, this.#thresholds, nowMs);
    this.#addRepairs(findings, inputs.repairs ?? 0, monotonicMs);
    for (const code of this.#beginnings.keys()) if (!findings.has(code)) this.#beginnings.delete(code);
    const alerts: Alert[] = [];
    for (const [code, finding] of findings) {
      const alert =
        finding === 'undecided' ? this.#beginnings.get(code)?.raised : this.#step(code, finding, nowMs, monotonicMs);
      if (alert) alerts.push(alert);
    }
    return alerts;
  }

  #step(code: AlertCode, { severity, message, afterMs = 0 }: Finding, nowMs: number, monotonicMs: number) {
    const beginning = this.#beginnings.get(code) ?? { wallMs: nowMs, monotonicMs };
    const lastedMs = monotonicMs - beginning.monotonicMs;
    const wasSet = Math.abs(nowMs - beginning.wallMs - lastedMs) > SET_MS;
    const wallMs = wasSet ? nowMs - lastedMs : beginning.wallMs;
    const isRaised = beginning.raised !== undefined || lastedMs >= afterMs;
    const raised: Alert | undefined = isRaised ? { code, severity, since: formatInstant(wallMs), message } : undefined;
    this.#beginnings.set(code, { ...beginning, wallMs, ...(raised ? { raised } : {}) });
    return raised;
  }

  #addRepairs(findings: Findings, repairs: number, monotonicMs: number): void {
    if (repairs > this.#repairs) this.#repairedMs = monotonicMs;
    this.#repairs = repairs;
    if (monotonicMs - this.#repairedMs >= REPAIRED_MS) return;
    const what = repairs === 1 ? '1 segment was damaged and has' : `${repairs} segments were damaged and have`;
    const message = `${what} been repaired; the disk may be failing, see lost and "solar-edge check"`;
    // None since the start: it is told of as it was.
    findings.set('repaired', repairs === 0 ? 'undecided' : { severity: 'warning', message });
  }
}
