/**
 * What a person should know now: each alert is raised once, keeps the time it began, over restarts too, and is cleared
 * when its reason has gone.
 */
import { formatInstant, parseInstant } from '../../../shared/time.js';
import { steppedLoss, type ToldLoss } from '../../../shared/told-loss.js';
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
/** A disk that fails piece by piece raises no more than this often that more is lost. */
const FURTHER_LOSS_MS = 3_600_000;

export class AlertMonitor {
  readonly #thresholds: AlertThresholds;
  readonly #beginnings = new Map<AlertCode, Beginning>();
  #repairs = 0;
  #repairedMs = Number.NEGATIVE_INFINITY;
  #loss: ToldLoss | undefined;
  #lossMs = Number.NEGATIVE_INFINITY;

  constructor(thresholds: AlertThresholds) {
    this.#thresholds = thresholds;
  }

  /** What was told of lost documents; to be kept. */
  get loss(): ToldLoss | undefined {
    return this.#loss;
  }

  /**
   * Goes on from the alerts that were open when the node last stopped, and what had been told of lost documents; to be
   * called before the first `evaluate`.
   */
  restore(alerts: readonly Alert[], nowMs: number, monotonicMs: number, loss?: ToldLoss): void {
    this.#loss = loss;
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
    this.#stepLoss(inputs, nowMs, monotonicMs);
    const findings = findingsOf(inputs, this.#thresholds, nowMs, this.#loss);
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

  #step(code: AlertCode, { severity, message, subject, afterMs = 0 }: Finding, nowMs: number, monotonicMs: number) {
    const beginning = this.#beginnings.get(code) ?? { wallMs: nowMs, monotonicMs };
    const lastedMs = monotonicMs - beginning.monotonicMs;
    const wasSet = Math.abs(nowMs - beginning.wallMs - lastedMs) > SET_MS;
    const wallMs = wasSet ? nowMs - lastedMs : beginning.wallMs;
    const isRaised = beginning.raised !== undefined || lastedMs >= afterMs;
    const about = subject === undefined ? {} : { subject };
    const since = formatInstant(wallMs);
    const raised: Alert | undefined = isRaised ? { code, severity, since, message, ...about } : undefined;
    this.#beginnings.set(code, { ...beginning, wallMs, ...(raised ? { raised } : {}) });
    return raised;
  }

  /** A further loss is an alert of its own, which begins now. */
  #stepLoss({ lost, clockSure }: AlertInputs, nowMs: number, monotonicMs: number): void {
    const before = this.#loss?.count ?? 0;
    const isTooSoon = before > 0 && lost > before && monotonicMs - this.#lossMs < FURTHER_LOSS_MS;
    const day = clockSure ? formatInstant(nowMs).slice(0, 10) : undefined;
    this.#loss = steppedLoss(this.#loss, isTooSoon ? before : lost, day);
    if ((this.#loss?.count ?? 0) <= before) return;
    this.#lossMs = monotonicMs;
    this.#beginnings.delete('lost');
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
