/** What `solar-central` shows people of the villages' registries and reports. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Centre, json } from './support/centre.js';
import { event } from './support/documents.js';
import { runCentral } from './support/process.js';
import { VillageRegistry } from './support/village-registry.js';

describe('the verbs of solar-central about registries', () => {
  let centre: Centre;
  let village: VillageRegistry;

  before(async () => {
    centre = await Centre.start('embedded');
    village = await VillageRegistry.open({ centre, login: await centre.addVillage('kano') });
    await village.put('profile', 'site', { name: 'Kano' });
    await village.push();
    const path = '/v1/villages/kano/registry/profile/site';
    const etag = (await centre.admin(path)).headers.get('etag') ?? '';
    await centre.admin(path, json({ name: 'Kano \u001b[2JNorth' }, { 'If-Match': etag, 'X-Author': 'Amina' }, 'PUT'));
    const ifMatch = `"${(await village.registry.get('profile', 'site'))?._rev}"`;
    await village.registry.put('profile', 'site', { name: 'Kano South' }, { author: 'Eve\u001b[2J', ifMatch });
    await village.registry.putReport('node1', { at: new Date().toISOString(), pending: 42 });
    await village.push();
  });
  after(async () => {
    await village.close();
    await centre.stop();
  });

  const verb = (...args: string[]) =>
    runCentral([...args, '--central', centre.url], { ADMIN_TOKEN: centre.tokens.admin });

  it('list open conflicts, a line for each value, with nothing a terminal would obey', async () => {
    const { code, stdout } = await verb('conflicts');
    expect(code).to.equal(0);
    const lines = stdout.trim().split('\n');
    expect(lines[0]).to.match(/^VILLAGE +DOCUMENT +FIELD +VALUE +BY +AT +REV$/);
    const sorted = lines.slice(1).sort();
    expect(sorted[0]).to.match(/^kano +profile\/site +name +"Kano South" +Eve\?\[2J +2\S+Z +1-[0-9a-f]{32}$/);
    expect(sorted[1]).to.match(/^kano +profile\/site +name +"Kano \\u001b\[2JNorth" +Amina +2\S+Z +1-[0-9a-f]{32}$/);
    expect(lines).to.have.length(3);
    const { items } = JSON.parse((await verb('conflicts', '--village', 'Kano', '--json')).stdout) as {
      items: { village: string }[];
    };
    expect(items.map((one) => one.village)).to.deep.equal(['kano']);
  }).timeout(30_000);

  it('say of which village not all is known, since it tells of more than is looked at', async () => {
    const login = await centre.addVillage('chatty');
    const told = Array.from({ length: 21 }, (_, n) =>
      event('chatty', n, { event: 'numbers', of: `node${n}`, from: 1, to: 3, void: [[2, 2]] }),
    );
    await centre.push(login, told);
    await centre.lookAtAlerts();
    const left = 'the village has or tells of more than is looked at; left out are 1 node';
    expect((await verb('status')).stdout).to.include(`Of chatty not all is known: ${left}.`);
  }).timeout(30_000);

  it('tell how much is pending and how many conflicts are open', async () => {
    expect((await verb('village', 'list')).stdout).to.match(/PENDING +CONFLICTS[\s\S]*^kano +ok +.* 42 +1$/m);
    expect((await verb('status')).stdout).to.include('Not yet sent, as the villages reported: 42. Open conflicts: 1.');
    const status = JSON.parse((await verb('status', '--json')).stdout) as Record<string, unknown>;
    expect(status).to.include({ pending: 42, openConflicts: 1 });
  }).timeout(30_000);
});
