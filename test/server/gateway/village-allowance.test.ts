import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import type { Request, Response } from 'express';
import { describe, it } from 'mocha';
import { DEFAULT_LIMITS } from '../../../server/gateway/gateway-limits.js';
import { allowedAtOnce, VillageAllowance } from '../../../server/gateway/village-allowance.js';
import { systemClock } from '../../../shared/time.js';

describe('the requests of a village under way', () => {
  it('do not count one whose client left while it was found out who is asking', () => {
    const allowance = new VillageAllowance({ ...DEFAULT_LIMITS, villageRequests: 1 }, systemClock);
    const allowed = allowedAtOnce(allowance);
    const passed: boolean[] = [];
    const ask = (destroyed: boolean) => {
      const locals = { caller: { role: 'village', village: 'kano' } };
      const response = Object.assign(new EventEmitter(), { destroyed, locals });
      allowed({} as Request, response as unknown as Response, () => passed.push(destroyed));
      return response;
    };
    for (let n = 0; n < 3; n++) ask(true);
    const present = ask(false);
    expect(passed).to.deep.equal([false]);
    expect(() => ask(false)).to.throw('at most 1 requests');
    present.emit('close');
    ask(false);
    expect(passed).to.deep.equal([false, false]);
  });
});
