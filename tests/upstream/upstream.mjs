// A scripted vendor: it answers with exactly the bytes it is told to, and keeps exactly the bytes that arrived.
//
//   const up = await startUpstream();
//   up.next({ status: 529, headers: [['retry-after', '7']], body: '{}' });      // answers the next request
//   up.always({ sse: [...] }) / up.always(async (request, wire) => { ... });    // answers all others
//   up.requests[0].headBytes / .headers / .body / .rawBody / .complete / .gone
//
// A reply is an object (see `play`) or a function that writes by itself.
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageReader, headerOf } from './http_reader.mjs';

const REASONS = { 200: 'OK', 201: 'Created', 302: 'Found', 307: 'Temporary Redirect', 400: 'Bad Request', 401: 'Unauthorized',
  403: 'Forbidden', 404: 'Not Found', 413: 'Payload Too Large', 429: 'Too Many Requests', 500: 'Internal Server Error',
  502: 'Bad Gateway', 503: 'Service Unavailable', 529: 'Overloaded' };

const toBytes = (value) => (Buffer.isBuffer(value) ? value : Buffer.from(value ?? '', 'utf8'));

/// One accepted connection: what a reply writes to.
class Wire {
  constructor(socket, id) {
    this.socket = socket;
    this.id = id;
    this.gone = false; // the peer ended or reset it
    this.closedHere = false;
    this.over = new Promise((resolve) => socket.once('close', resolve));
    socket.setNoDelay(true);
  }

  /// Writes and waits until the kernel took it; false when the peer is gone.
  async write(bytes) {
    if (this.gone || this.socket.destroyed) return false;
    if (!this.socket.write(toBytes(bytes))) {
      await Promise.race([once(this.socket, 'drain').catch(() => {}), once(this.socket, 'close').catch(() => {})]);
    }
    return !this.gone;
  }

  /// Sleeps, but not beyond the connection's end.
  async pause(ms) {
    const cancel = new AbortController();
    await Promise.race([sleep(ms, null, { signal: cancel.signal }).catch(() => {}), this.over]);
    cancel.abort();
  }

  end() {
    this.closedHere = true;
    this.socket.end();
  }

  reset() {
    this.closedHere = true;
    this.socket.resetAndDestroy();
  }
}

function splitInto(body, sizes) {
  if (sizes === undefined) return body.length ? [body] : [];
  const next = typeof sizes === 'function' ? sizes : () => sizes;
  const pieces = [];
  for (let at = 0; at < body.length;) {
    const size = Math.max(1, next());
    pieces.push(body.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

export const chunk = (bytes) => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

/// The head a reply would send, as bytes. `contentLength`: of the body, used when the framing is `length`.
export function headOf(reply, contentLength) {
  const status = reply.status ?? 200;
  const lines = [`${reply.version ?? 'HTTP/1.1'} ${status} ${reply.reason ?? REASONS[status] ?? 'Status'}`];
  for (const [name, value] of reply.headers ?? []) lines.push(`${name}: ${value}`);
  const framing = reply.framing ?? 'length';
  if (framing === 'length') lines.push(`Content-Length: ${contentLength}`);
  if (framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/// Plays one reply:
///   before: raw bytes sent ahead of the head (100 Continue, 103 Early Hints)     headDelay: ms before the head
///   status, reason, version, headers: [[name, value]]     framing: 'length' | 'chunked' | 'close' | 'none'
///   body: string or Buffer, or `pieces`: strings/Buffers/numbers (a number = sleep that many ms, 'hang' object below)
///   split: piece size or function for `body`     gap: ms between pieces
///   cutAt: stop after that many body bytes, then `end`
///   end: 'keep' (default) | 'close' | 'reset' | 'hang'
///   raw: bytes sent instead of everything above
export async function play(reply, wire) {
  if (reply.raw !== undefined) {
    for (const piece of Array.isArray(reply.raw) ? reply.raw : [reply.raw]) {
      if (typeof piece === 'number') await wire.pause(piece);
      else await wire.write(piece);
    }
    return finish(reply.end ?? 'keep', wire);
  }
  const body = toBytes(reply.body);
  const pieces = reply.pieces ?? splitInto(body, reply.split);
  const total = pieces.reduce((sum, piece) => sum + (typeof piece === 'number' ? 0 : toBytes(piece).length), 0);
  const framing = reply.framing ?? 'length';
  if (reply.before) await wire.write(reply.before);
  if (reply.headDelay) await wire.pause(reply.headDelay);
  const head = headOf({ ...reply, framing }, total);
  const glued = reply.glue === true && pieces.length > 0 && typeof pieces[0] !== 'number';
  if (!glued) await wire.write(head);
  let sent = 0;
  for (const [index, piece] of pieces.entries()) {
    if (wire.gone) return;
    if (typeof piece === 'number') {
      await wire.pause(piece);
      continue;
    }
    let bytes = toBytes(piece);
    if (reply.cutAt !== undefined && sent + bytes.length > reply.cutAt) bytes = bytes.subarray(0, reply.cutAt - sent);
    if (bytes.length) {
      const framed = framing === 'chunked' ? chunk(bytes) : bytes;
      await wire.write(glued && index === 0 ? Buffer.concat([head, framed]) : framed);
    }
    sent += bytes.length;
    if (reply.cutAt !== undefined && sent >= reply.cutAt) return finish(reply.end ?? 'close', wire);
    if (reply.gap) await wire.pause(reply.gap);
  }
  if (framing === 'chunked' && reply.lastChunk !== false) await wire.write('0\r\n\r\n');
  return finish(reply.end ?? (framing === 'close' ? 'close' : 'keep'), wire);
}

function finish(how, wire) {
  if (how === 'close') wire.end();
  if (how === 'reset') wire.reset();
}

export const json = (value, more = {}) => ({
  headers: [['Content-Type', 'application/json'], ...(more.headers ?? [])],
  body: typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value),
  ...more,
  ...(more.headers ? { headers: [['Content-Type', 'application/json'], ...more.headers] } : {}),
});

export const sse = (body, more = {}) => ({
  framing: 'chunked',
  body,
  ...more,
  headers: [['Content-Type', 'text/event-stream; charset=utf-8'], ...(more.headers ?? [])],
});

class Upstream {
  requests = [];
  connections = 0;
  #queue = [];
  #fallback = { status: 500, body: 'the test gave no answer for this request' };
  #sockets = new Set();
  #waiters = [];
  server;

  next(...replies) {
    this.#queue.push(...replies);
    return this;
  }

  always(reply) {
    this.#fallback = reply;
    return this;
  }

  /// Forgets requests and queued replies; open connections stay.
  clear() {
    this.requests = [];
    this.#queue = [];
    return this;
  }

  get last() {
    return this.requests.at(-1);
  }

  /// Waits until `count` requests are complete (or their heads are there, with `heads`).
  async wait(count, { ms = 5000, heads = false } = {}) {
    const enough = () => this.requests.filter((request) => heads || request.complete).length >= count;
    const until = Date.now() + ms;
    while (!enough()) {
      const left = until - Date.now();
      if (left <= 0) throw new Error(`upstream saw ${this.requests.length} requests, not ${count}, in ${ms} ms`);
      await Promise.race([new Promise((resolve) => this.#waiters.push(resolve)), sleep(Math.min(left, 50))]);
    }
    return this.requests[count - 1];
  }

  #wake() {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  accept(socket) {
    const wire = new Wire(socket, this.connections++);
    this.#sockets.add(socket);
    let answering = Promise.resolve();
    let current = null;
    const settle = (request, how) => {
      if (request && !request.gone) request.gone = { how, at: Date.now() };
    };
    const reader = new MessageReader('request', {
      head: (request) => {
        request.connection = wire.id;
        current = request;
        this.requests.push(request);
        if (reader.state === 'opaque') answering = answering.then(() => this.#answer(request, wire, reader));
        else if (this.answerAtHead) answering = answering.then(() => this.#answer(request, wire, reader));
        this.#wake();
      },
      data: (request, bytes) => request.onData?.(bytes),
      end: (request) => {
        if (!this.answerAtHead) answering = answering.then(() => this.#answer(request, wire, reader));
        this.#wake();
      },
      error: (text, request) => {
        if (request) request.error = text;
        this.#wake();
      },
    });
    socket.on('data', (bytes) => reader.feed(bytes));
    socket.on('end', () => {
      if (!wire.closedHere) settle(current, 'end');
      wire.gone = true;
      reader.finish();
      this.#wake();
    });
    socket.on('error', () => {
      if (!wire.closedHere) settle(current, 'reset');
      wire.gone = true;
      this.#wake();
    });
    socket.on('close', () => {
      if (!wire.closedHere) settle(current, 'close');
      wire.gone = true;
      this.#sockets.delete(socket);
      this.#wake();
    });
  }

  async #answer(request, wire) {
    const reply = this.#queue.length ? this.#queue.shift() : this.#fallback;
    try {
      const chosen = typeof reply === 'function' ? await reply(request, wire) : reply;
      if (chosen) await play(chosen, wire);
    } catch (error) {
      this.failure = error;
      wire.reset();
    }
    request.answered = Date.now();
    if (/^close$/i.test(headerOf(request.headers, 'connection') ?? '')) wire.end();
  }

  get openConnections() {
    return this.#sockets.size;
  }

  dropConnections() {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close() {
    this.dropConnections();
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }
}

/// options: port, host, tls: {key, cert}, answerAtHead: answer before the body came.
export async function startUpstream({ port = 0, host = '127.0.0.1', tls: secure, answerAtHead = false } = {}) {
  const up = new Upstream();
  up.answerAtHead = answerAtHead;
  const accept = (socket) => up.accept(socket);
  up.server = secure ? tls.createServer(secure, accept) : net.createServer({ allowHalfOpen: false, noDelay: true }, accept);
  up.server.on('tlsClientError', () => {});
  up.server.listen(port, host);
  await once(up.server, 'listening');
  up.port = up.server.address().port;
  up.url = `${secure ? 'https' : 'http'}://${host}:${up.port}`;
  return up;
}

/// A port on which nothing listens.
export async function closedPort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
