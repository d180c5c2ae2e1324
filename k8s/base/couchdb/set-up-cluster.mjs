/**
 * Joins CouchDB nodes to a cluster and finishes it: the job couchdb-set-up. It changes nothing where that is done.
 *
 * Waits for every node of COUCHDB_NODES, has the first one join those that it does not know yet, finishes the cluster
 * (one uuid, one secret, the same administrators, the system databases), and then looks itself whether all of them see
 * all of them. Exit codes: 0 done; 1 not yet, try again; 2 nothing that trying again would change.
 */
import { readFileSync } from 'node:fs';

const SYSTEM_DATABASES = ['_users', '_replicator', '_global_changes'];
const PAUSE_MS = 2_000;
const REQUEST_TIMEOUT_MS = 15_000;

class SetUpError extends Error {
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

function setting(name) {
  const file = process.env[`${name}_FILE`];
  const value = process.env[name] || (file ? readFileSync(file, 'utf8').trim() : '');
  if (!value) throw new SetUpError(`${name} is not set`, 2);
  return value;
}

function say(message) {
  process.stdout.write(`${message}\n`);
}

/** Speaks to one node as its administrator; resolves with status and body, whatever they are. */
function nodeClient(url, { user, password }) {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { Authorization: authorization, 'Content-Type': 'application/json' },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.json().catch(() => ({}));
    if (response.status === 401 || response.status === 403) {
      throw new SetUpError(`${url} refuses the administrator: ${answer.reason ?? response.status}`, 2);
    }
    return { status: response.status, body: answer };
  };
}

function wrong(what, { status, body }) {
  return new SetUpError(`${what} was answered ${status} ${JSON.stringify(body)}`, 1);
}

async function membership(ask) {
  const answer = await ask('GET', '/_membership');
  if (answer.status !== 200) throw wrong('GET /_membership', answer);
  return { seen: answer.body.all_nodes ?? [], members: answer.body.cluster_nodes ?? [] };
}

/** The name by which its Erlang knows it, such as couchdb@couchdb-0.couchdb-pods. */
async function nodeName(ask) {
  const answer = await ask('GET', '/_node/_local');
  if (answer.status !== 200 || typeof answer.body.name !== 'string') throw wrong('GET /_node/_local', answer);
  return answer.body.name;
}

async function join(first, names) {
  const { members } = await membership(first);
  for (const name of names.filter((one) => !members.includes(one))) {
    const answer = await first('PUT', `/_node/_local/_nodes/${encodeURIComponent(name)}`, {});
    if (answer.status >= 300 && answer.status !== 409) throw wrong(`joining ${name}`, answer);
    say(`joined ${name}`);
  }
}

async function finish(first) {
  const answer = await first('POST', '/_cluster_setup', { action: 'finish_cluster' });
  if (answer.status === 400 && /already finished/i.test(answer.body.reason ?? '')) return;
  if (answer.status >= 300) throw wrong('finishing the cluster', answer);
  say('finished the cluster');
}

async function makeDatabases(first) {
  for (const name of SYSTEM_DATABASES) {
    const answer = await first('PUT', `/${name}`);
    if (answer.status >= 300 && answer.status !== 412) throw wrong(`making ${name}`, answer);
  }
}

async function assertWhole(nodes, names) {
  const uuids = new Set();
  for (const { url, ask } of nodes) {
    const { seen, members } = await membership(ask);
    const missing = names.filter((name) => !seen.includes(name) || !members.includes(name));
    if (missing.length > 0) throw new SetUpError(`${url} does not see ${missing.join(', ')} yet`, 1);
    const strangers = members.filter((name) => !names.includes(name));
    if (strangers.length > 0) throw new SetUpError(`${url} has members that COUCHDB_NODES lacks: ${strangers}`, 2);
    uuids.add((await ask('GET', '/')).body.uuid);
  }
  if (uuids.size !== 1) throw new SetUpError('the nodes do not have the same uuid yet', 1);
}

async function setUp(nodes) {
  const names = [];
  for (const { ask } of nodes) names.push(await nodeName(ask));
  const [first] = nodes;
  await join(first.ask, names);
  await finish(first.ask);
  await makeDatabases(first.ask);
  await assertWhole(nodes, names);
  say(`the cluster is whole: ${names.join(', ')}`);
}

async function main() {
  const credentials = { user: setting('COUCHDB_USER'), password: setting('COUCHDB_PASSWORD') };
  const deadlineMs = Date.now() + Number(setting('SETUP_TIMEOUT')) * 1000;
  if (!Number.isFinite(deadlineMs)) throw new SetUpError('SETUP_TIMEOUT must be a number of seconds', 2);
  const nodes = setting('COUCHDB_NODES')
    .split(',')
    .map((url) => ({ url: url.trim(), ask: nodeClient(url.trim(), credentials) }));
  for (let told = ''; ; ) {
    try {
      return await setUp(nodes);
    } catch (error) {
      if (error instanceof SetUpError && error.exitCode === 2) throw error;
      const reason = [error.message, error.cause?.message].filter(Boolean).join(': ');
      if (Date.now() + PAUSE_MS > deadlineMs) throw new SetUpError(`gave up waiting: ${reason}`, 1);
      if (reason !== told) say(`not yet: ${reason}`);
      told = reason;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = error.exitCode ?? 1;
}
