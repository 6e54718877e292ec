import cf from 'cloudfront';
import crypto from 'crypto';

const config = {};
const store = cf.kvs();

// Returns the claims of a good pass, or null.
async function claimsOf(token) {
  const parts = token.split('.');
  if (parts.length !== 3 || token.length > 2048) {
    return null;
  }
  try {
    const header = JSON.parse(Buffer.from(parts[0], 'base64url').toString());
    if (header.alg !== 'HS256' || !/^[a-z0-9-]{1,32}$/.test(header.kid)) {
      return null;
    }
    const key = await store.get(header.kid);
    const signature = crypto.createHmac('sha256', key).update(parts[0] + '.' + parts[1]).digest('base64url');
    if (!same(signature, parts[2])) {
      return null;
    }
    const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString());
    return good(claims, Date.now() / 1000) ? claims : null;
  } catch (e) {
    // No JSON, or no such key. Without a key nobody gets in.
    return null;
  }
}

function good(c, now) {
  const audience = config.audience.endsWith('/') ? config.audience + c.sale : config.audience;
  return c.iss === config.issuer && c.aud === audience && typeof c.sale === 'string' && c.sale !== '' &&
    typeof c.sub === 'string' && c.sub !== '' && typeof c.exp === 'number' && c.exp > now &&
    typeof c.nbf === 'number' && c.nbf <= now + 5 && (c.vip === true || c.window >= 1);
}

// Takes as long wherever the two differ.
function same(a, b) {
  if (a.length !== b.length) {
    return false;
  }
  let differ = 0;
  for (let i = 0; i < a.length; i++) {
    differ |= a.charCodeAt(i) ^ b.charCodeAt(i);
  }
  return differ === 0;
}

function queryWithout(querystring, name) {
  const pairs = [];
  for (const key in querystring) {
    if (key !== name) {
      const values = querystring[key].multiValue || [querystring[key]];
      values.forEach((v) => pairs.push(v.value === '' ? key : key + '=' + v.value));
    }
  }
  return pairs.length ? '?' + pairs.join('&') : '';
}

function redirect(location, cookies) {
  const answer = {
    statusCode: 302,
    statusDescription: 'Found',
    headers: { location: { value: location }, 'cache-control': { value: 'no-store' } },
  };
  if (cookies) {
    answer.cookies = cookies;
  }
  return answer;
}

function refuse() {
  if (config.waiting) {
    return redirect(config.waiting);
  }
  return {
    statusCode: 403,
    statusDescription: 'Forbidden',
    headers: { 'content-type': { value: 'text/plain' }, 'cache-control': { value: 'no-store' } },
    body: { encoding: 'text', data: 'A pass of the waiting room is needed.' },
  };
}

function tell(request, claims) {
  const said = { sub: claims.sub, sale: claims.sale, window: String(claims.window || 0), vip: claims.vip === true ? '1' : '0' };
  for (const name in said) {
    request.headers['x-pass-' + name] = { value: said[name] };
  }
  return request;
}

async function handler(event) {
  const request = event.request;
  const given = request.querystring[config.parameter];
  if (given) {
    const claims = await claimsOf(given.value);
    if (claims && (request.method === 'GET' || request.method === 'HEAD')) {
      const seconds = Math.floor(claims.exp - Date.now() / 1000);
      // One slash: two would lead to another host.
      const path = request.uri.replace(/^[/\\]+/, '/');
      return redirect(path + queryWithout(request.querystring, config.parameter), {
        [config.cookie]: { value: given.value, attributes: 'Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=' + seconds },
      });
    }
    if (claims) {
      delete request.querystring[config.parameter];
      return tell(request, claims);
    }
  }
  const kept = request.cookies[config.cookie];
  const claims = kept ? await claimsOf(kept.value) : null;
  return claims ? tell(request, claims) : refuse();
}
