import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Centre, type VillageLogin } from '../support/centre.js';
import { event, readings, type Sent } from '../support/documents.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

interface Page {
  items: Sent[];
  next: string;
  more: boolean;
}

for (const kind of STORES) {
  describe(`documents in order of arrival on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;
    let kano: VillageLogin;
    let other: VillageLogin;
    const first = readings('kano', 250, 1000);

    before(async () => {
      centre = await Centre.start(kind);
      kano = await centre.addVillage('kano');
      other = await centre.addVillage('kano-2');
      await centre.push(kano, first);
      await centre.push(other, readings('kano-2', 40));
    });
    after(() => centre.stop());

    const page = async (query: string): Promise<Page> => {
      const response = await centre.analyst(`/v1/changes${query}`);
      expect(response.status).to.equal(200);
      return (await response.json()) as Page;
    };
    const follow = async (since: string | undefined, query = ''): Promise<{ ids: string[]; next: string }> => {
      const ids: string[] = [];
      for (let next = since; ; ) {
        const found = await page(`?limit=70${query}${next === undefined ? '' : `&since=${next}`}`);
        ids.push(...found.items.map(({ _id }) => _id));
        next = found.next;
        if (!found.more) return { ids, next };
      }
    };
    const sorted = (ids: string[]) => [...ids].sort();

    it('are all there once, and what comes later follows, however old it is', async () => {
      const { ids, next } = await follow(undefined);
      expect(sorted((await follow('0')).ids), 'as CouchDB calls the beginning').to.deep.equal(sorted(ids));
      expect(sorted(ids)).to.deep.equal(sorted([...first, ...readings('kano-2', 40)].map(({ _id }) => _id)));
      expect(await page(`?since=${next}`)).to.deep.equal({ items: [], next, more: false });
      const late = [...readings('kano', 30), event('kano', 5000)];
      await centre.push(kano, late);
      await centre.restart();
      const after = await follow(next);
      expect(sorted(after.ids)).to.deep.equal(sorted(late.map(({ _id }) => _id)));
      const again = await follow(next);
      expect(again.ids).to.deep.equal(after.ids);
    });

    it('are those of one village where it is named', async () => {
      const { ids, next } = await follow(undefined, '&village=KANO-2');
      expect(sorted(ids)).to.deep.equal(sorted(readings('kano-2', 40).map(({ _id }) => _id)));
      await centre.push(kano, readings('kano', 5, 8000));
      await centre.push(other, readings('kano-2', 5, 8000));
      const { ids: later } = await follow(next, '&village=kano-2');
      expect(sorted(later)).to.deep.equal(sorted(readings('kano-2', 5, 8000).map(({ _id }) => _id)));
      const one = await page('?village=kano-2&limit=3');
      expect([one.items.length, one.more]).to.deep.equal([3, true]);
    });

    it('stream as NDJSON, with a cursor to go on from', async () => {
      const response = await centre.analyst('/v1/changes?format=ndjson');
      expect(response.headers.get('content-type')).to.match(/^application\/x-ndjson/);
      const lines = (await response.text())
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Sent & { next?: string });
      const { ids } = await follow(undefined);
      const documents = lines.filter((line) => '_id' in line);
      expect(sorted(documents.map(({ _id }) => _id))).to.deep.equal(sorted(ids));
      const next = lines.at(-1)?.next;
      expect(Object.keys(lines.at(-1) ?? {})).to.deep.equal(['next']);
      expect((await page(`?since=${next}`)).items).to.deep.equal([]);
      const few = (await (await centre.analyst('/v1/changes?format=ndjson&limit=3')).text()).trim().split('\n');
      expect(few).to.have.length(4);
      const { next: behindThree } = JSON.parse(few[3] ?? '') as Page;
      expect((await follow(behindThree)).ids).to.have.length(ids.length - 3);
    });

    it('refuse a cursor of another database, or none at all, in words', async () => {
      const { next } = await page('');
      const stranger = await Centre.start(kind);
      try {
        const refused = await stranger.analyst(`/v1/changes?since=${next}`);
        expect([refused.status, await refused.json()]).to.deep.equal([
          400,
          {
            error: {
              code: 'invalid_request',
              message:
                'the parameter since is a cursor of another database, or of this one before it was made anew; begin again without it',
            },
          },
        ]);
      } finally {
        await stranger.stop();
      }
      // As long as those of a CouchDB with hundreds of shards are.
      const long = Buffer.from(JSON.stringify(['another', 'x'.repeat(11_000)])).toString('base64url');
      const { error } = (await (await centre.analyst(`/v1/changes?since=${long}`)).json()) as {
        error: { message: string };
      };
      expect(error.message).to.match(/is a cursor of another database/);
      for (const query of [
        `since=${'x'.repeat(15_001)}`,
        'since=x',
        'since=W10',
        'since=',
        'limit=0',
        'limit=1001',
        'format=csv',
        'sinc=1',
        'since=a&since=b',
      ]) {
        const response = await centre.analyst(`/v1/changes?${query}`);
        expect(response.status, query).to.equal(400);
      }
      expect((await centre.analyst('/v1/changes?village=nowhere')).status).to.equal(404);
      expect((await centre.as(kano, '/v1/changes')).status).to.equal(403);
      expect((await centre.anonymous('/v1/alerts')).status).to.equal(401);
    });
  });
}
