/** What stands in `k8s/monitoring/` names only figures that running programs show, which keep to Prometheus' conventions. */
import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { parse } from 'yaml';
import { OF_NUMBERS } from '../../server/alerts/kept-alerts.js';
import { webhookTargets } from '../../server/alerts/webhook-settings.js';
import { membersOfType } from '../docs/sources.js';
import { startNode } from '../edge/api/node-under-test.js';
import { Centre } from '../server/support/centre.js';
import { reading } from '../server/support/documents.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';

const FOLDER = new URL('../../../k8s/monitoring/', import.meta.url);
const NAME = /\bsolar_(?:edge|central)_[a-z0-9_]+/g;
const MATCHER = /\b(solar_(?:edge|central)_[a-z0-9_]+)\{([^}]*)\}/g;

interface Rules {
  groups: { name: string; rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
}

interface Dashboard {
  title: string;
  panels: { title: string; targets: { expr: string }[] }[];
  templating: { list: { query: string }[] };
}

/** Types by name, and the text. */
interface Shown {
  types: Map<string, string>;
  text: string;
}

function shownIn(text: string): Shown {
  const lines = text.matchAll(/^# TYPE (\S+) (\S+)$/gm);
  return { types: new Map([...lines].map(([, name = '', type = '']) => [name, type])), text };
}

describe('what monitors nodes and the centre', () => {
  let folder: string;
  let centre: Centre;
  let expressions: { where: string; expr: string }[];
  let edge: Shown;
  let central: Shown;

  before(async () => {
    folder = await createTempFolder();
    centre = await Centre.start('embedded', { config: { webhooks: webhookTargets.parse('http://127.0.0.1:9/') } });
    const { password } = await centre.addVillage('kano');
    await centre.push({ id: 'kano', password }, [reading('kano', 0)]);
    await centre.lookAtAlerts();
    const node = await startNode(folder, { API_URL: centre.url, CENTRAL_PASSWORD: password });
    try {
      const metrics = async () => (await fetch(`${node.url}/metrics`)).text();
      const hasPushed = async () => /^solar_edge_batch_documents_count\{[^}]*\} [1-9]/m.test(await metrics());
      await waitFor(hasPushed, { what: 'a batch to be answered' });
      edge = shownIn(await metrics());
    } finally {
      await node.stop();
    }
    central = shownIn(await (await fetch(`${centre.url}/metrics`)).text());
    expressions = await expressionsOf((await readdir(FOLDER)).filter((file) => file !== 'kustomization.yaml'));
  });
  after(async () => {
    await centre?.stop();
    await removeFolder(folder);
  });

  it('names only figures there are, with labels they have', () => {
    expect(expressions.length).to.be.above(40);
    for (const { where, expr } of expressions) {
      const names = expr.match(NAME) ?? [];
      expect(names.length, `${where}: ${expr}`).to.be.above(0);
      for (const name of names) {
        const { types } = name.startsWith('solar_edge_') ? edge : central;
        const isHistogram = types.get(name.replace(/_(bucket|sum|count)$/, '')) === 'histogram';
        expect(types.has(name) || isHistogram, `${where}: ${name}`).to.equal(true);
      }
      for (const [, name = '', matchers = ''] of expr.matchAll(MATCHER)) {
        const { text } = name.startsWith('solar_edge_') ? edge : central;
        const series = text.split('\n').filter((line) => line.startsWith(`${name}{`));
        // Alerts and refusals there are none of now have no series, whose labels could be looked at.
        if (series.length === 0) continue;
        for (const label of matchers.matchAll(/(\w+)\s*[=!]/g)) {
          expect(series[0], `${where}: ${expr}`).to.include(`${label[1]}="`);
        }
      }
    }
  });

  it('asks for codes of alerts that the programs have, and warns of a node that has never had its forced run', () => {
    const codes = {
      solar_edge_alerts: membersOfType('edge/monitor/alerts/alert.ts', 'AlertCode'),
      solar_central_alerts: ['silent', ...OF_NUMBERS],
    };
    for (const { where, expr } of expressions) {
      for (const [, name = '', code = ''] of expr.matchAll(/\b(solar_\w+_alerts)\{code="([^"]*)"\}/g)) {
        expect(codes[name as keyof typeof codes], where).to.include(code);
      }
    }
    const ruled = ['no-forced-sync', 'tls-clock', 'refusals', 'repaired'];
    expect(expressions.map(({ expr }) => expr)).to.include.members(
      ruled.map((code) => `solar_edge_alerts{code="${code}"} > 0`),
    );
  });

  it('shows figures whose names end as Prometheus wants them', () => {
    for (const [name, type] of [...edge.types, ...central.types]) {
      expect(name.endsWith('_total'), `${name} is a ${type}`).to.equal(type === 'counter');
      expect(name, 'base units alone').to.not.match(/_(ms|milliseconds|minutes|hours|kb|mb|percent|pct)(_|$)/);
    }
  });

  it('shows of a node all that a technician needs', () => {
    const wanted = [
      ...['pending_documents', 'oldest_pending_age_seconds', 'acknowledged_documents_total', 'sent_documents_total'],
      ...['confirmed_documents', 'lost_documents', 'quarantined_documents', 'link_bytes_total', 'batch_documents'],
      ...['batch_duration_seconds', 'link_state', 'push_attempts_total', 'store_bytes', 'queued_documents'],
      ...['event_loop_delay_p99_seconds', 'registry_synchronised', 'alerts'],
    ];
    expect([...edge.types.keys()]).to.include.members(wanted.map((name) => `solar_edge_${name}`));
    expect(edge.text).to.match(/^solar_edge_push_attempts_total\{result="TIMEOUT",village="kano"\} 0$/m);
    expect(edge.text).to.match(/^solar_edge_link_bytes_total\{direction="sent",village="kano"\} [1-9]/m);
  });
});

async function expressionsOf(files: readonly string[]): Promise<{ where: string; expr: string }[]> {
  const found: { where: string; expr: string }[] = [];
  for (const file of files) {
    const text = await readFile(new URL(file, FOLDER), 'utf8');
    if (file.endsWith('.json')) {
      const { title, panels, templating } = JSON.parse(text) as Dashboard;
      for (const panel of panels) {
        for (const { expr } of panel.targets) found.push({ where: `${title}, ${panel.title}`, expr });
      }
      for (const { query } of templating.list.filter((one) => one.query !== 'prometheus')) {
        found.push({ where: title, expr: query });
      }
    } else {
      const { groups } = parse(text) as Rules;
      for (const { alert, expr, annotations } of groups.flatMap(({ rules }) => rules)) {
        if (!annotations.summary || !annotations.description)
          throw new Error(`the rule ${alert} does not say what to do`);
        found.push({ where: alert, expr });
      }
    }
  }
  return found;
}
