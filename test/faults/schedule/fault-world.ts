/**
 * One node, one centre, and between them a link and a fault proxy, to which the events of a schedule happen while meters
 * post.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { ProgramClient } from '../../../shared/http/client.js';
import { sleep } from '../../../shared/time.js';
import { SimulatedLink } from '../../../sim/link.js';
import { SeededRandom } from '../../../sim/random.js';
import { anyVillage } from '../../edge/push/support/centres.js';
import { FaultProxy, type Rule } from '../../support/fault-proxy.js';
import { PatientPoster } from '../../support/patient-poster.js';
import { FAULTS } from '../fault-table.js';
import { asPlainCouchDb, STEPS } from '../push-steps.js';
import { refusing } from '../refusing-centre.js';
import { VillageVoice } from '../village-voice.js';
import {
  type CentreActor,
  centreInProcess,
  centreProcess,
  type NodeActor,
  nodeInProcess,
  nodeProcess,
} from './actors.js';
import type { FaultSchedule, ScheduleEvent } from './fault-schedule.js';
import { SteppedClock } from './stepped-clock.js';

/** The meter that a centre refuses for a while. */
const REFUSED_METER = 'm3';
/** Where nothing is sent for so long there is nothing to be swallowed. */
const BLACK_HOLE_AWAITED_MS = 300;
const METERS = ['m1', 'm2', REFUSED_METER];

export class FaultWorld {
  readonly village = anyVillage();
  readonly schedule: FaultSchedule;
  readonly nodeFolder: string;
  readonly clock = new SteppedClock();
  #centre: CentreActor | undefined;
  #node: NodeActor | undefined;
  #proxy: FaultProxy | undefined;
  #link: SimulatedLink | undefined;
  #poster: PatientPoster | undefined;
  #password = '';
  /** What a centre shown as a plain CouchDB is called, whatever becomes of its memory. */
  #uuid = '';
  /** What the proxy does beside the schedule's events. */
  #usual: Rule = () => undefined;
  #hasBackup = false;
  #strikes = 0;
  readonly #silences: Promise<void>[] = [];
  readonly #forcedRuns: Promise<void>[] = [];

  constructor(schedule: FaultSchedule, folder: string) {
    this.schedule = schedule;
    this.nodeFolder = path.join(folder, 'node');
  }

  get centre(): CentreActor {
    return there(this.#centre);
  }

  get node(): NodeActor {
    return there(this.#node);
  }

  get proxy(): FaultProxy {
    return there(this.#proxy);
  }

  get link(): SimulatedLink {
    return there(this.#link);
  }

  get poster(): PatientPoster {
    return there(this.#poster);
  }

  /** How often the proxy has done what it was told to do to a step. */
  get strikes(): number {
    return this.#strikes;
  }

  get voice(): VillageVoice {
    return new VillageVoice(this.centre.url, this.village, this.#password);
  }

  async start(): Promise<void> {
    const { processes, seed, roundTripMs, upBytesPerS } = this.schedule;
    await mkdir(this.nodeFolder);
    this.#centre = processes ? await centreProcess(path.join(this.nodeFolder, '../centre')) : await centreInProcess();
    this.#password = await this.centre.addVillage(this.village);
    this.#uuid = await this.voice.uuid();
    this.#usual = this.#refusing();
    this.#proxy = new FaultProxy(this.centre.url, this.#usual);
    await this.#proxy.start();
    const targetPort = Number(new URL(this.#proxy.url).port);
    this.#link = new SimulatedLink({
      ...{ targetPort, roundTripMs },
      ...(upBytesPerS === undefined ? {} : { upBytesPerS }),
    });
    await this.#link.start();
    this.#node = await this.#startNode();
    const node = this.#node;
    this.#poster = new PatientPoster({
      ...{
        village: this.village,
        nodeUrl: () => node.url,
        devices: this.schedule.meters ? METERS : [],
        maxPauseMs: 120,
      },
      random: new SeededRandom(seed ^ 0x5eed),
    });
    const { refusedForever } = this.schedule;
    if (refusedForever !== undefined) await this.#poster.post(refusedForever, 12);
  }

  async perform(event: ScheduleEvent): Promise<void> {
    const { link, proxy } = this;
    switch (event.kind) {
      case 'pause':
        return sleep(event.ms);
      case 'burst':
        return this.poster.post('m1', event.documents);
      case 'cut':
      case 'freeze':
        link[event.kind]();
        await sleep(event.ms);
        return link.restore();
      case 'reset after':
        return link.resetAfter({ up: event.up });
      case 'cut after':
        link.cutAfter({ up: event.up });
        await sleep(event.ms);
        return link.restore();
      case 'fault':
        return this.#setFault(event);
      case 'silence':
        return this.#fallSilentAt(event);
      case 'black hole':
        return this.#swallow(event);
      case 'refuse':
        proxy.rule = this.#refusing((id) => id.includes(`:${REFUSED_METER}:`));
        await sleep(event.ms);
        proxy.rule = this.#usual;
        return;
      case 'restart node':
        return this.node.restart(event.downMs);
      case 'restart centre':
        return this.centre.restart(event.downMs);
      case 'clock':
        return this.clock.step(event.byMs);
      case 'forced run':
        return void this.#forcedRuns.push(this.replicate());
      case 'back up the centre':
        this.#hasBackup = true;
        return this.centre.memory?.backUp();
      case 'restore the centre':
        return this.#hasBackup ? this.centre.memory?.restoreBackup() : undefined;
      case 'wipe the centre':
        return this.centre.memory?.wipe();
    }
  }

  /** A forced run, however it ends: the node may be killed meanwhile. */
  async replicate(): Promise<void> {
    const client = new ProgramClient({ url: this.node.url, peer: 'the node' });
    const run = async () => {
      for await (const _ of client.lines('/v1/replicate', { method: 'POST' }));
    };
    await run().catch(() => undefined);
  }

  /** From now on nothing goes wrong any more, and nothing new is posted once this has resolved. */
  async calm(): Promise<void> {
    this.proxy.rule = this.#usual;
    await Promise.all(this.#silences);
    this.link.restore();
    await this.poster.stop();
    await Promise.all(this.#forcedRuns);
  }

  async stop(): Promise<void> {
    // What was broken off in its start has no more than its first parts.
    await this.#node?.stop();
    await this.#link?.stop();
    await this.#proxy?.stop();
    await this.#centre?.stop();
  }

  /** True for what the centre never takes. */
  #isRefused(id: string): boolean {
    const { refusedForever } = this.schedule;
    return refusedForever !== undefined && id.includes(`:${refusedForever}:`);
  }

  #startNode(): Promise<NodeActor> {
    const { processes, live, segmentMaxDocs } = this.schedule;
    const settings = {
      API_URL: this.link.url,
      CENTRAL_PASSWORD: this.#password,
      SYNC_MODE: live ? 'live' : 'scheduled',
      SEGMENT_MAX_DOCS: String(segmentMaxDocs),
      // The clock jumps by weeks: what a node deletes for age once it is confirmed is no loss, and would look like one.
      RETENTION_DAYS: '36500',
      ...{ SYNC_TIMEOUT: '0.3', CONNECTIVITY_INTERVAL: '0.1', MAX_RETRIES: '3', RETRY_INTERVAL: '0.05' },
    };
    return processes
      ? nodeProcess(this.village, this.nodeFolder, settings)
      : nodeInProcess(this.village, this.nodeFolder, settings, this.clock);
  }

  /** What the centre refuses for good, and whatever else it is to refuse. */
  #refusing(more: (id: string) => boolean = () => false): Rule {
    const { asPlainCouchDb: isPlain } = this.schedule;
    const rule = refusing(this.centre.url, (id) => this.#isRefused(id) || more(id));
    return isPlain ? asPlainCouchDb(this.#uuid, rule) : rule;
  }

  #setFault({ step, fault: title, times }: Extract<ScheduleEvent, { kind: 'fault' }>): void {
    const fault = FAULTS.find((one) => one.title === title)?.fault;
    if (!fault) throw new Error(`the table has no ${title}`);
    this.#strike(step, times, (request) => (typeof fault === 'function' ? fault(request) : fault));
  }

  #fallSilentAt({ step, ms }: Extract<ScheduleEvent, { kind: 'silence' }>): void {
    this.#strike(step, 1, (request) => {
      this.link.freeze();
      this.#silences.push(sleep(ms).then(() => this.link.restore()));
      return this.#usual(request);
    });
  }

  #strike(title: string, times: number, fault: Rule): void {
    const step = STEPS.find((one) => one.title === title);
    if (!step) throw new Error(`there is no step ${title}`);
    let left = times;
    this.proxy.rule = (request) => {
      if (left === 0 || !step.is(request)) return this.#usual(request);
      left--;
      this.#strikes++;
      return fault(request);
    };
  }

  async #swallow({ up, ms }: Extract<ScheduleEvent, { kind: 'black hole' }>): Promise<void> {
    const { payloadBytes: beforeBytes } = this.link.counts.up;
    const untilMs = performance.now() + BLACK_HOLE_AWAITED_MS;
    while (this.link.counts.up.payloadBytes < beforeBytes + up && performance.now() < untilMs) await sleep(1);
    this.link.freeze();
    await sleep(ms);
    this.link.restore();
  }
}

function there<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the world is not started');
  return part;
}
