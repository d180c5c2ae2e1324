import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import { after, before, describe, it } from 'mocha';
import { csvLine } from '../../../shared/csv.js';
import { Centre, type VillageLogin } from '../support/centre.js';
import { prediction, reading, readings, type Sent } from '../support/documents.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

interface Page {
  items: Sent[];
  next?: string;
}

describe('a line of CSV', () => {
  it('quotes as RFC 4180 says and disarms text that a spreadsheet would run', () => {
    expect(csvLine(['a', 'b,c', 'd"e', 'f\ng', '', undefined, null])).to.equal('a,"b,c","d""e","f\ng",,,\r\n');
    expect(csvLine(['=1+1', '+1', '-1', '@x', '\tx'])).to.equal("'=1+1,'+1,'-1,'@x,'\tx\r\n");
    expect(csvLine([-1.5, 0, 1e21, true, false])).to.equal('-1.5,0,1e+21,true,false\r\n');
  });
});

for (const kind of STORES) {
  describe(`readings and predictions for analysts on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    const sent = readings('kano', 2100);
    const odd = [
      reading('kano', 3000, { note: '=HYPERLINK("x")', state: 'a "quoted", text', powerW: -5 }),
      reading('kano', 3001, { late: true }),
    ];
    let centre: Centre;
    let kano: VillageLogin;

    before(async () => {
      centre = await Centre.start(kind);
      kano = await centre.addVillage('kano');
      const other = await centre.addVillage('kano-2');
      await centre.push(kano, [...sent, ...odd, prediction('kano', 2), prediction('kano', 1)]);
      await centre.push(other, readings('kano-2', 20));
    });
    after(() => centre.stop());

    const page = async (query: string): Promise<Page> => {
      const response = await centre.analyst(`/v1/villages/kano/${query}`);
      expect(response.status).to.equal(200);
      return (await response.json()) as Page;
    };

    it('gives pages in order of time with everything stored, by device, range and order', async () => {
      const first = await page('readings');
      expect(first.items).to.deep.equal(sent.slice(0, 100));
      const second = await page(`readings?cursor=${first.next}`);
      expect(second.items).to.deep.equal(sent.slice(100, 200));
      const newest = await page('readings?order=desc&limit=3');
      expect(newest.items.map((one) => one.seq)).to.deep.equal([3002, 3001, 2100]);
      const range = await page(
        'readings?device=m1&from=2026-03-01T01:00:00%2B01:00&to=2026-03-01T00:00:11Z&order=asc&limit=1000',
      );
      expect(range.items.map((one) => one.seq)).to.deep.equal([2, 7]);
      expect(range).to.not.have.property('next');
      expect((await page('predictions?model=pv')).items.map((one) => one.seq)).to.deep.equal([2, 3]);
      expect((await page('readings?device=nothing')).items).to.deep.equal([]);
    });

    it('lists every device of which there is a reading, however old, of this village alone', async () => {
      const devices = new Set([...sent, ...odd].map(({ device }) => device));
      const { items } = await page('devices');
      expect(items).to.deep.equal([...devices].sort().map((device) => ({ device })));
      const { items: others } = (await (await centre.analyst('/v1/villages/kano-2/devices')).json()) as Page;
      expect(others).to.have.length(new Set(readings('kano-2', 20).map(({ device }) => device)).size);
      expect((await centre.analyst('/v1/villages/kano/devices?limit=1')).status).to.equal(400);
      expect((await centre.analyst('/v1/villages/nowhere/devices')).status).to.equal(404);
    });

    it('names the parameter that is wrong, and the village that is not there', async () => {
      for (const query of [
        'limit=0',
        'order=up',
        'from=yesterday',
        'devise=m1',
        'cursor=x',
        'format=xml',
        'device=a&device=b',
      ]) {
        const response = await centre.analyst(`/v1/villages/kano/readings?${query}`);
        expect(response.status, query).to.equal(400);
        const { error } = (await response.json()) as { error: { message: string } };
        expect(error.message).to.include(query.split('=')[0]);
      }
      for (const format of ['json', 'csv', 'ndjson']) {
        expect((await centre.analyst(`/v1/villages/nowhere/readings?format=${format}`)).status).to.equal(404);
      }
    });

    it('streams everything that matches as NDJSON, or as many as are asked for', async () => {
      const lines = async (query: string) => {
        const response = await centre.analyst(`/v1/villages/kano/readings?format=ndjson${query}`);
        expect(response.headers.get('content-type')).to.match(/^application\/x-ndjson/);
        return (await response.text())
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line));
      };
      expect(await lines('')).to.deep.equal([...sent, ...odd]);
      expect(await lines('&limit=5&order=desc')).to.deep.equal([...sent, ...odd].reverse().slice(0, 5));
      expect(await lines('&device=nothing')).to.deep.equal([]);
    });

    const csv = async (query: string) => {
      const response = await centre.analyst(`/v1/villages/kano/${query}`);
      expect(response.headers.get('content-type')).to.match(/^text\/csv/);
      return parse(await response.text(), { columns: true }) as Record<string, string>[];
    };

    it('streams CSV with a column for each measurement its devices begin or end with, and whatever else there is as JSON', async () => {
      const response = await centre.analyst('/v1/villages/kano/readings?format=csv');
      expect(response.headers.get('content-disposition')).to.equal('attachment; filename=kano-readings.csv');
      const [head] = (await response.text()).split('\r\n');
      expect(head).to.equal('at,device,late,note,powerW,state,clock,node,seq,boot,_id,_rev,extra');
      const rows = await csv('readings?format=csv');
      expect(rows).to.have.length(2102);
      expect(rows[7]).to.include({
        at: String(sent[7]?.at),
        device: 'm2',
        powerW: '107',
        seq: '8',
        late: '',
        extra: '',
      });
      expect(rows[2100]).to.include({ note: '\'=HYPERLINK("x")', state: 'a "quoted", text', powerW: '-5' });
      expect(rows[2101]).to.include({ late: 'true', _id: odd[1]?._id });
    });

    it('loses no value to a column that was not found', async () => {
      const hidden = await centre.addVillage('hidden');
      const fields = { extra: 'x', model: 'M"1', rareKwh: 7, note: '=1+1' };
      const middle = reading('hidden', 1500, fields);
      const alone = reading('hidden', 700, {
        device: 'alone',
        loneW: 1,
        _id: 'hidden:r:alone:2026-03-01T00:11:40.000Z',
      });
      await centre.push(hidden, [...readings('hidden', 1500), middle, ...readings('hidden', 1500, 1501), alone]);
      const response = await centre.analyst('/v1/villages/hidden/readings?format=csv');
      const rows = parse(await response.text(), { columns: true }) as Record<string, string>[];
      expect(Object.keys(rows[0] ?? {}))
        .to.include('loneW')
        .and.not.include('rareKwh');
      expect(JSON.parse(rows[1501]?.extra ?? '')).to.deep.equal(fields);
      expect(rows.filter(({ extra }) => extra !== '')).to.have.length(1);
    });

    it('has the columns that are asked for and no others, also where there is nothing', async () => {
      const rows = await csv('readings?format=csv&fields=powerW,nothing,note&limit=2');
      expect(Object.keys(rows[0] ?? {})).to.deep.equal([
        ...['at', 'device', 'powerW', 'nothing', 'note'],
        ...['clock', 'node', 'seq', 'boot', '_id', '_rev'],
      ]);
      expect(rows.map(({ powerW, nothing }) => [powerW, nothing])).to.deep.equal([
        ['100', ''],
        ['101', ''],
      ]);
      const empty = await centre.analyst('/v1/villages/kano/predictions?format=csv&device=nothing');
      expect(await empty.text()).to.equal('for,at,model,device,clock,node,seq,boot,_id,_rev,extra\r\n');
      for (const query of [
        'format=csv&fields=',
        'format=csv&fields=a,,b',
        'format=csv&fields=seq',
        'fields=powerW',
        'format=csv&fields=a&fields=b',
      ]) {
        expect((await centre.analyst(`/v1/villages/kano/readings?${query}`)).status, query).to.equal(400);
      }
    });

    it('goes on answering after a reader has left in the middle', async () => {
      const leaving = new AbortController();
      const response = await centre.analyst('/v1/villages/kano/readings?format=ndjson', { signal: leaving.signal });
      await response.body?.getReader().read();
      leaving.abort();
      expect((await page('readings?limit=1')).items).to.have.length(1);
    });
  });
}
