/** The embedded registries: how many are open at once, and that none is closed while it is used. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EmbeddedRegistries } from '../../../server/store/embedded-registries.js';
import { systemClock } from '../../../shared/time.js';
import { useTempFolder } from '../../support/temp-folder.js';

const MAX_OPEN = 3;
const VILLAGES = 9;

describe('embedded registries', () => {
  const folder = useTempFolder();

  it('are open a few at a time, whoever asks for how many, and keep what they were given', async () => {
    const registries = new EmbeddedRegistries({
      ...{ folder: folder.path, open: {}, clock: systemClock, maxOpen: MAX_OPEN },
    });
    try {
      let most = 0;
      const rounds = Array.from({ length: 4 }, (_, round) => round);
      const names = Array.from({ length: VILLAGES }, (_, n) => `v${n}`);
      await Promise.all(
        names.flatMap((village) =>
          rounds.map(async (round) => {
            await registries.of(village).write([{ _id: `device:m${round}`, _rev: '1-aa', village }]);
            most = Math.max(most, registries.openCount);
          }),
        ),
      );
      expect(most).to.be.within(1, MAX_OPEN);
      for (const village of names) {
        const winners = await registries.of(village).winners();
        expect(winners.map(({ id, body }) => [id, body.village])).to.deep.equal(
          rounds.map((round) => [`device:m${round}`, village]),
        );
      }
    } finally {
      await registries.close();
    }
  });
});
