// A load test of a voting window in your own account: votes arrive as they do
// on the night, and you see what they will cost before the first one is sent.
//
//   k6 run -e WINDOW_URL=https://.../window.json -e VOTES=100000 -e CONFIRM=yes vote.js
//
// See README.md for all settings.
import http from 'k6/http';
import crypto from 'k6/crypto';
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';

const settings = {
  votes: whole('VOTES', 1000),
  seconds: whole('SECONDS', 600),
  spike: number('SPIKE', 6), // the opening's rate, as a multiple of the mean
  spikeSeconds: whole('SPIKE_SECONDS', 20),
  tail: number('TAIL', 0.3), // the last fifth's rate, as a multiple of the mean
  duplicates: number('DUPLICATES', 0),
  digits: whole('VOTER_DIGITS', 8),
  first: whole('VOTER_FIRST', 10000000),
  maxVUs: whole('MAX_VUS', 2000),
  rehearsal: __ENV.REHEARSAL !== 'no',
};

// What a million votes cost in us-east-1, as the guide "What it costs" has it.
const perMillion = { url: 1.5, api: 2.5, direct: 1.2 };
const perDuplicate = 0.75;

const accepted = new Counter('votes_accepted');
const refused = new Counter('votes_refused');
const taking = new Trend('vote_taking', true);

function number(name, otherwise) {
  const value = __ENV[name] === undefined ? otherwise : Number(__ENV[name]);
  if (!Number.isFinite(value) || value < 0) {
    throw new Error(`${name} is "${__ENV[name]}": give a number of 0 or more`);
  }
  return value;
}

function whole(name, otherwise) {
  const value = number(name, otherwise);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`${name} is "${__ENV[name]}": give a whole number of 1 or more`);
  }
  return value;
}

// curve is the arrival curve: the opening's spike, a plateau, and a tail, whose
// rates add up to the votes.
export function curve(s) {
  const mean = s.votes / s.seconds;
  const tailSeconds = Math.floor(s.seconds / 5);
  const spikeSeconds = Math.min(s.spikeSeconds, Math.floor(s.seconds / 2));
  const plateauSeconds = s.seconds - tailSeconds - spikeSeconds;
  const spike = Math.min(s.spike * mean, s.votes / Math.max(1, spikeSeconds));
  const tail = s.tail * mean;
  const plateau = Math.max(0, (s.votes - spike * spikeSeconds - tail * tailSeconds) / plateauSeconds);
  // Rates are whole votes in ten seconds, so that slow curves keep their sum.
  const rate = (perSecond) => Math.max(0, Math.round(perSecond * 10));
  const stage = (perSecond, seconds) => [
    { target: rate(perSecond), duration: '0s' },
    { target: rate(perSecond), duration: `${seconds}s` },
  ];
  return {
    peak: Math.max(spike, plateau, tail),
    startRate: rate(spike),
    stages: [...stage(spike, spikeSeconds), ...stage(plateau, plateauSeconds), ...stage(tail, tailSeconds)],
  };
}

const arrivals = curve(settings);

export const options = {
  discardResponseBodies: false,
  summaryTrendStats: ['avg', 'p(50)', 'p(95)', 'p(99)', 'max'],
  scenarios: {
    night: {
      executor: 'ramping-arrival-rate',
      timeUnit: '10s',
      startRate: arrivals.startRate,
      stages: arrivals.stages,
      preAllocatedVUs: Math.min(settings.maxVUs, Math.max(10, Math.ceil(arrivals.peak / 4))),
      maxVUs: settings.maxVUs,
    },
  },
  thresholds: { votes_refused: ['count==0'] },
};

function json(url, advice) {
  const answer = http.get(url);
  if (answer.status !== 200) {
    throw new Error(`GET ${url} answered ${answer.status || answer.error}: ${advice}`);
  }
  return answer.json();
}

export function setup() {
  if (!__ENV.WINDOW_URL) {
    throw new Error('WINDOW_URL is missing: give the output window_url of the voting window');
  }
  const window = json(__ENV.WINDOW_URL, 'is the window deployed, and WINDOW_URL right?');
  const kind = window.intake.kind;
  if (window.voter.ticket || window.intake.cognito) {
    throw new Error('this script has no tickets and no identities of Cognito: test a window without them');
  }
  if (window.intake.jwt && !__ENV.TOKEN) {
    throw new Error('the window asks for a JWT: give one with -e TOKEN=...');
  }
  const base = __ENV.WINDOW_URL.slice(0, __ENV.WINDOW_URL.lastIndexOf('/') + 1);
  const duplicates = Math.round(settings.votes * settings.duplicates);
  const cost = (settings.votes * perMillion[kind] + duplicates * perDuplicate) / 1e6;
  console.log(`${settings.votes} votes in ${settings.seconds} s through ${kind}, at most ${Math.round(arrivals.peak)} a second, ` +
    `${duplicates} of them second votes${settings.rehearsal ? ', marked as a rehearsal' : ''}.`);
  console.log(`In us-east-1 they cost about $${cost.toFixed(2)}, before free tiers and without viewers.`);
  if (__ENV.CONFIRM !== 'yes') {
    throw new Error('nothing was sent: run it again with -e CONFIRM=yes');
  }
  return { window, kind, credentials: kind === 'direct' ? json(base + window.intake.credentials, 'credentials are published from half an hour before the opening on') : null };
}

function vote(data) {
  const i = exec.scenario.iterationInTest;
  const again = settings.duplicates > 0 && i > 0 && Math.random() < settings.duplicates;
  const question = data.window.questions[i % data.window.questions.length];
  const answer = question.answers[Math.floor(Math.random() * question.answers.length)];
  const body = { question: question.id, answer: answer.id };
  // A token names the voter itself.
  if (!__ENV.TOKEN) {
    body.voter = String(settings.first + (again ? Math.floor(Math.random() * i) : i)).padStart(settings.digits, '0');
  }
  if (settings.rehearsal) body.rehearsal = true;
  return JSON.stringify(body);
}

export default function night(data) {
  const body = vote(data);
  const answer = data.kind === 'direct' ? send(data.credentials, body)
    : http.post(data.window.intake.url, body, { headers: headers() });
  taking.add(answer.timings.duration);
  if (answer.status === 200 || answer.status === 202) {
    accepted.add(1);
  } else {
    refused.add(1, { status: String(answer.status) });
    if (exec.scenario.iterationInTest < 5) console.warn(`${answer.status}: ${answer.body || answer.error}`);
  }
}

function headers() {
  const all = { 'Content-Type': 'application/json' };
  if (__ENV.TOKEN) all.Authorization = `Bearer ${__ENV.TOKEN}`;
  return all;
}

// send puts a message on the queue as pages do: a form, signed in its address by
// Signature Version 4 (IAM User Guide, "Create a signed AWS API request").
function send(credentials, message) {
  const endpoint = credentials.endpoint || `https://sqs.${credentials.region}.amazonaws.com`;
  const host = endpoint.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const body = query({ Action: 'SendMessage', MessageBody: message, QueueUrl: credentials.queue_url, Version: '2012-11-05' });
  const stamp = new Date().toISOString().replace(/[:-]|\.\d{3}/g, '');
  const day = stamp.slice(0, 8);
  const type = 'application/x-www-form-urlencoded';
  const scope = `${day}/${credentials.region}/sqs/aws4_request`;
  // In the order of their names, as the signature wants them.
  const signed = query({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.access_key_id}/${scope}`,
    'X-Amz-Date': stamp,
    'X-Amz-Expires': '300',
    'X-Amz-Security-Token': credentials.session_token,
    'X-Amz-SignedHeaders': 'content-type;host',
  });
  const canonical = ['POST', '/', signed, `content-type:${type}`, `host:${host}`, '', 'content-type;host', crypto.sha256(body, 'hex')].join('\n');
  const text = ['AWS4-HMAC-SHA256', stamp, scope, crypto.sha256(canonical, 'hex')].join('\n');
  const key = ['sqs', 'aws4_request'].reduce(
    (k, part) => crypto.hmac('sha256', k, part, 'binary'),
    crypto.hmac('sha256', crypto.hmac('sha256', `AWS4${credentials.secret_access_key}`, day, 'binary'), credentials.region, 'binary'),
  );
  const signature = crypto.hmac('sha256', key, text, 'hex');
  // Without a name of its own each address would be a series of metrics.
  return http.post(`${endpoint}/?${signed}&X-Amz-Signature=${signature}`, body, { headers: { 'Content-Type': type }, tags: { name: 'SendMessage' } });
}

// query encodes parameters as the signature wants them: all but unreserved
// characters.
function query(parameters) {
  const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return Object.entries(parameters).map(([name, value]) => `${name}=${encode(value)}`).join('&');
}
