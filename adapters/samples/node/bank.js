// A bank's side of holdfast_json that answers a stop rightly, to begin from. Node 18 or later, no packages.
//
// node bank.js PORT CERT KEY CA CENTRE_PUB CODE ACCOUNTS STORE
//   CERT KEY    this bank's own; CA: who signed the centre's client certificate; CENTRE_PUB: the centre's signing key, ECDSA P-256
//   ACCOUNTS    lines of KIND NUMBER NAME, as holdfast-kit reads them; your core banking system stands here
//   STORE       every answer is here, on disk, before it is sent: an order that comes again is answered from it and done once
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');

const [PORT, CERT, KEY, CA, CENTRE_PUB, CODE, ACCOUNTS, STORE] = process.argv.slice(2);
const BODY_MAX = 64 * 1024;
const KIND = 'application/vnd.holdfast.order.v1+json';
const ACTIONS = new Set(['stop', 'query', 'extend', 'lift', 'freeze', 'renew', 'unfreeze', 'holder', 'accounts', 'holds', 'serial', 'monitor', 'unmonitor', 'paper', 'return', 'suspect', 'block']);
const centre = crypto.createPublicKey(fs.readFileSync(CENTRE_PUB));
const accounts = new Map(fs.readFileSync(ACCOUNTS, 'utf8').split('\n').filter((l) => l && l[0] !== '#').map((l) => {
  const [kind, number, ...name] = l.split(' ');
  return [number, { kind, name: name.join(' ') }];
}));
const answered = new Map(); // order id → { digest, said }
const stops = new Map(); // number → { order, ends }
const askedAt = new Map(); // late orders

class Refused extends Error {
  constructor(status, why) {
    super(why);
    this.status = status;
  }
}

// DSSE's pre-authentication encoding: the type is inside what is signed, both with their length in bytes.
function checkSignature(body, header) {
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${KIND.length} ${KIND} ${body.length} `), body]);
  const sound = typeof header === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(header);
  if (!sound || !crypto.verify('sha256', signed, centre, Buffer.from(header, 'base64'))) throw new Refused(401, "Holdfast-Signature: not the centre's over these bytes");
}

// JSON.parse takes the last of two equal keys: what was signed must have one meaning. The text is known to be JSON.
function hasKeyTwice(text) {
  const open = []; // a Set of keys for each object, null for each array
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs;
  let last = '';
  for (let m; (m = token.exec(text)) !== null; last = m[0]) {
    const [t] = m;
    if (t === '{') open.push(new Set());
    else if (t === '[') open.push(null);
    else if (t === '}' || t === ']') open.pop();
    else if (t === ':') {
      const keys = open[open.length - 1], key = JSON.parse(last);
      if (keys.has(key)) return true;
      keys.add(key);
    }
  }
  return false;
}

function readOrder(body) {
  let order;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    order = JSON.parse(text);
    if (hasKeyTwice(text)) throw new Error('a key stands twice');
  } catch {
    throw new Refused(400, 'the body is no order');
  }
  // fields that we do not know are passed over: later versions of the centre add some
  const sound = order?.version === 1 && ACTIONS.has(order.action) && order.institution === CODE &&
    [order.order_id, order.account?.number, order.account?.name, order.transfer?.amount].every((v) => typeof v === 'string');
  if (!sound) throw new Refused(400, 'version, action, institution, order_id or account is not as it must be');
  return order;
}

// What the bank does: here its accounts are a file, and it knows stops only.
function feedback(order, now) {
  const account = accounts.get(order.account.number);
  if (order.action === 'suspect') return { result: '0000' };
  if (account === undefined || account.kind === 'unknown') return { result: '0300' };
  const ours = stops.get(order.account.number);
  const inForce = ours !== undefined && ours.ends > now;
  if (order.action === 'holds') return { result: '0000', holds: inForce ? [{ order_id: ours.order, kind: 'stop', expires_at: ours.ends.toISOString() }] : [] };
  if (order.action !== 'stop') return { result: '1000' }; // not supported
  if (account.name !== order.account.name) return { result: '0301' };
  if (account.kind === 'held' || inForce) return { result: '1301' };
  const balance = account.kind === 'short' ? '0.50' : '100000.00';
  const ends = new Date(now.getTime() + 48 * 3600 * 1000);
  stops.set(order.account.number, { order: order.order_id, ends });
  const short = Number(order.transfer.amount) > Number(balance);
  return { result: short ? '1200' : '0000', executed_at: now.toISOString(), expires_at: ends.toISOString(), balance, held: balance };
}

// The same order always has the same answer; it is on disk before anybody hears it.
function answer(body) {
  const order = readOrder(body), id = order.order_id, now = new Date();
  const digest = crypto.createHash('sha256').update(body).digest('hex');
  const before = answered.get(id);
  if (before !== undefined) {
    if (before.digest !== digest) throw new Refused(409, 'another order with this id was answered');
    return before.said;
  }
  const receipt = { order_id: id, institution: CODE, reference: `N-${answered.size + 1}` };
  if (accounts.get(order.account.number)?.kind === 'late') {
    if (!askedAt.has(id)) askedAt.set(id, now);
    if (now - askedAt.get(id) < 1000) return JSON.stringify(receipt); // the feedback comes to the same order, asked again
  }
  const said = JSON.stringify({ ...receipt, feedback: feedback(order, now) });
  fs.writeSync(store, `${JSON.stringify({ order: id, sha256: digest, account: order.account.number, answer: said })}\n`);
  fs.fsyncSync(store);
  answered.set(id, { digest, said });
  return said;
}

// After a restart: what was answered, and which stops are in force.
function remember() {
  if (!fs.existsSync(STORE)) return;
  for (const line of fs.readFileSync(STORE, 'utf8').split('\n').filter(Boolean)) {
    const row = JSON.parse(line), done = JSON.parse(row.answer).feedback;
    answered.set(row.order, { digest: row.sha256, said: row.answer });
    if (['0000', '1200'].includes(done.result) && done.expires_at) stops.set(row.account, { order: row.order, ends: new Date(done.expires_at) });
  }
}

function serve(request, response) {
  const parts = [];
  let size = 0;
  const reply = (status, text) => {
    if (response.headersSent) return;
    response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...(status === 413 ? { Connection: 'close' } : {}) });
    response.end(text);
  };
  if (request.method === 'GET') return reply(request.url === '/v1/ping' ? 200 : request.url === '/v1/orders' ? 405 : 404, '{}');
  request.on('error', () => {});
  request.on('data', (part) => {
    size += part.length;
    if (size <= BODY_MAX) parts.push(part);
    else reply(413, '{"error":"a body of at most 64 KiB"}');
  });
  request.on('end', () => {
    const body = Buffer.concat(parts);
    if (size > BODY_MAX) return;
    try {
      if (request.method !== 'POST' || request.url !== '/v1/orders') throw new Refused(404, 'orders come to /v1/orders');
      checkSignature(body, request.headers['holdfast-signature']);
      reply(200, answer(body));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      reply(error.status, JSON.stringify({ error: error.message }));
    }
  });
}

remember();
const store = fs.openSync(STORE, 'a');
const server = https.createServer({
  cert: fs.readFileSync(CERT), key: fs.readFileSync(KEY), ca: fs.readFileSync(CA), requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2',
}, serve);
server.keepAliveTimeout = 120000; // connections stay open: the centre keeps them warm
server.listen(Number(PORT), '127.0.0.1', () => console.log('listening'));
